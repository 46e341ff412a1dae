import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Database } from '../../src/db/connection.js'
import { PostgresIngestRepository } from '../../src/db/ingest/ingest-repository.js'
import { PostgresLabelRepository } from '../../src/db/label-repository.js'
import { PostgresPromptRepository } from '../../src/db/search/prompt-repository.js'
import type { ModelId } from '../../src/domain/ports/repository.js'
import { serverKinds, type TestServer } from '../support/servers/postgres.js'
import { aModel, aPhoto, embedPhotos } from './factories.js'

const DAYTIME = { name: 'daytime', template: 'at {label}', labels: ['day', 'night'] }
const DAY = Float32Array.of(1, 0, 0)
const NIGHT = Float32Array.of(0, 1, 0)

describe.each(serverKinds())('stored vectors on the $kind server', ({ available, start }) => {
  describe.skipIf(!available)('', () => {
    let server: TestServer
    let database: Database
    let labels: PostgresLabelRepository
    let modelId: ModelId
    beforeAll(async () => {
      server = await start()
    })
    afterAll(() => server?.close())
    beforeEach(async () => {
      database = await server.freshDatabase()
      labels = new PostgresLabelRepository(database)
      modelId = await new PostgresIngestRepository(database).registerModel(aModel({ dimension: 3 }))
      await embedPhotos(database, modelId, [aPhoto('a'), aPhoto('b')], [DAY, NIGHT])
    })

    const insert: Record<string, (vector: string) => Promise<unknown>> = {
      embeddings: vector =>
        database.query(
          `insert into embeddings (model_id, photo_id, embedding) values ($1, 'a', $2)
           on conflict (model_id, photo_id) do update set embedding = excluded.embedding`,
          [modelId, vector],
        ),
      'the partition of embeddings': vector =>
        database.query(`update embeddings_m${modelId} set embedding = $1 where photo_id = 'a'`, [vector]),
      prompt_embeddings: vector =>
        database.query(`insert into prompt_embeddings (model_id, prompt, embedding) values ($1, 'p', $2)`, [
          modelId,
          vector,
        ]),
      define_label_set: vector =>
        database.query(
          `select define_label_set('s', '{label}', '{x,y}', array[$1, '[0,0,1]']::vector[], $2::integer::text)`,
          [vector, modelId],
        ),
    }
    const stored: Record<keyof typeof insert, string> = {
      embeddings: `select embedding::text as vector from embeddings where photo_id = 'a'`,
      'the partition of embeddings': `select embedding::text as vector from embeddings where photo_id = 'a'`,
      prompt_embeddings: 'select embedding::text as vector from prompt_embeddings',
      define_label_set: `select embedding::text as vector from label_prompts where label = 'x'`,
    }

    describe.each(Object.keys(insert))('written to %s', into => {
      test.each(['[3,0,4]', '[0.0003,0,0.0004]', '[30000,0,40000]'])('are scaled to unit length: %s', async vector => {
        await insert[into]!(vector)
        const [row] = await database.query<{ vector: string }>(stored[into]!)
        const [x, y, z] = JSON.parse(row!.vector)
        expect([x, y, z]).toEqual([expect.closeTo(0.6, 3), 0, expect.closeTo(0.8, 3)])
      })

      test.each([
        ['zeros', '[0,0,0]'],
        ['too few numbers', '[1,0]'],
        ['too many numbers', '[1,0,0,0]'],
        ['not a number', '[1,nan,0]'],
        ['infinity', '[1,inf,0]'],
      ])('are refused: %s', async (_, vector) => {
        await expect(insert[into]!(vector)).rejects.toThrow()
        expect(JSON.parse((await database.query<{ vector: string }>(stored[into]!))[0]?.vector ?? '[1,0,0]')).toEqual([
          1, 0, 0,
        ])
      })
    })

    test('a label set is refused that names a label twice', async () => {
      await expect(
        database.query(
          `select define_label_set('s', '{label}', '{x,y,x}', array['[1,0,0]', '[0,1,0]', '[0,0,1]']::vector[],
                                   $1::integer::text)`,
          [modelId],
        ),
      ).rejects.toThrow(/different labels expected, found "x", "x"/)
    })

    test('a vector that has unit length but for rounding stays as it is', async () => {
      await insert.embeddings!('[0.6001,0,0.7998]')
      const [row] = await database.query<{ same: boolean }>(
        `select embedding = '[0.6001,0,0.7998]'::halfvec as same from embeddings where photo_id = 'a'`,
      )
      expect(row!.same).toBe(true)
    })

    test('prompts of a worker or the command line are refused where they have another dimension', async () => {
      const prompts = new PostgresPromptRepository(database)
      await expect(prompts.save(modelId, ['p'], [Float32Array.of(1, 0)])).rejects.toMatchObject({
        code: 'USAGE',
        message: expect.stringContaining('a vector of 3 numbers expected'),
      })
    })

    test('a part of a combination is refused where it is zeros', async () => {
      await expect(
        database.query(`select combine('[{"photo": "a"}, {"vector": [0,0,0]}]', $1::integer::text)`, [modelId]),
      ).rejects.toMatchObject({ code: 'USAGE', message: expect.stringContaining('only zeros') })
    })

    describe('when an embedding changes', () => {
      const seen = async () =>
        Object.fromEntries(
          (
            await database.query<{ photo_id: string; label: string }>(
              `select photo_id, label from photo_labels where set_name = 'daytime' order by photo_id`,
            )
          ).map(row => [row.photo_id, row.label]),
        )
      beforeEach(async () => {
        await labels.savePrompts(modelId, DAYTIME, [DAY, NIGHT])
        await labels.labelPhotos(modelId, 'daytime')
        expect(await seen()).toEqual({ a: 'day', b: 'night' })
      })

      test.each(['embeddings', 'the partition of embeddings'])(
        'its labels go, and predicting makes new ones: %s',
        async table => {
          await insert[table]!('[0,5,0]')
          expect(await seen()).toEqual({ b: 'night' })
          expect(await labels.labelPhotos(modelId, 'daytime')).toBe(1)
          expect(await seen()).toEqual({ a: 'night', b: 'night' })
        },
      )

      test('the labels of a definition that is coming go too', async () => {
        await labels.savePrompts(modelId, { ...DAYTIME, template: 'a photo at {label}' }, [DAY, NIGHT])
        await database.query('select label_rest($1, $2)', [modelId, 'daytime'])
        await insert.embeddings!('[0,1,0]')
        const rows = await database.query('select from label_rows where photo_id = $1', ['a'])
        expect(rows).toEqual([])
      })

      test('its labels stay where the same vector is written again, or only the key of the copy', async () => {
        await insert.embeddings!('[1,0,0]')
        await insert.embeddings!('[2,0,0]')
        await database.query(`update embeddings set stored_key = 'k'`)
        expect(await seen()).toEqual({ a: 'day', b: 'night' })
      })

      test('the labels of a deleted embedding go, those of other models stay', async () => {
        const other = await new PostgresIngestRepository(database).registerModel(
          aModel({ name: 'other', dimension: 3 }),
        )
        await embedPhotos(database, other, [aPhoto('a')], [NIGHT])
        await labels.savePrompts(other, DAYTIME, [DAY, NIGHT])
        await labels.labelPhotos(other, 'daytime')
        await database.query(`delete from embeddings where model_id = $1 and photo_id = 'a'`, [modelId])
        const rows = await database.query('select model_id, photo_id from photo_labels order by 1, 2')
        expect(rows).toEqual([
          { model_id: modelId, photo_id: 'b' },
          { model_id: other, photo_id: 'a' },
        ])
      })
    })

    describe('new vectors under the same names', () => {
      const define = async (first: string, keepKnown = false) =>
        (
          await database.query<{ state: string }>(
            `select define_label_set('daytime', 'at {label}', '{day,night}', array[$1, '[0,1,0]']::vector[],
                                     $2::integer::text, $3) as state`,
            [first, modelId, keepKnown],
          )
        )[0]!.state

      test('are a change, and relabelling makes it current', async () => {
        expect(await define('[1,0,0]')).toBe('current')
        await labels.labelPhotos(modelId, 'daytime')
        // Another length, or rounding, is none.
        expect(await define('[5,0,0]')).toBe('current')
        expect(await define('[1,0.0001,0]')).toBe('current')
        expect(await define('[0,1,0.5]')).toBe('coming')
        const version = async () =>
          (await database.query<{ version: number }>(`select version from label_definitions where state = 'coming'`))[0]
            ?.version
        const coming = await version()
        expect(await define('[0,1,0.5]')).toBe('coming')
        expect(await version()).toBe(coming)
        expect(await define('[0,0,1]')).toBe('coming')
        expect(await version()).not.toBe(coming)
        await labels.labelPhotos(modelId, 'daytime')
        expect(await version()).toBeUndefined()
        const [prompt] = await database.query<{ vector: string }>(
          `select embedding::text as vector from label_prompts where label = 'day'`,
        )
        expect(JSON.parse(prompt!.vector)).toEqual([0, 0, 1])
      })

      test('are none where a worker computed them again', async () => {
        expect(await define('[1,0,0]')).toBe('current')
        expect(await define('[0,0,1]', true)).toBe('current')
        expect(await labels.savePrompts(modelId, DAYTIME, [NIGHT, DAY])).toBe(true)
      })
    })
  })
})
