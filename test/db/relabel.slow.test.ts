import { readFileSync } from 'node:fs'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Database, openDatabase } from '../../src/db/connection.js'
import { PostgresIngestRepository } from '../../src/db/ingest/ingest-repository.js'
import { PostgresLabelRepository } from '../../src/db/label-repository.js'
import type { LabelSet } from '../../src/domain/labels.js'
import type { ModelId } from '../../src/domain/ports/repository.js'
import { ensurePrompts } from '../../src/workers/stages/label.js'
import { serverKinds, type TestServer } from '../support/servers/postgres.js'
import { aModel, aPhoto, embedPhotos, randomNumbers, randomVector } from './factories.js'

const DIMENSION = 4
/** Some pages of them: one has about 5,000. */
const MANY = 12_000
const TIME: LabelSet = { name: 'time', template: 'at {label}', labels: ['dawn', 'day', 'dusk', 'night'] }
const LIGHT: LabelSet = { name: 'time', template: 'in the {label}', labels: ['light', 'dark'] }

const kinds = serverKinds()
describe.each(kinds)('labelling anew on the $kind server', ({ kind, available, start }) => {
  describe.skipIf(!available)('', () => {
    let server: TestServer
    let url: string
    let database: Database
    let labels: PostgresLabelRepository
    let modelId: ModelId
    let random: () => number
    beforeAll(async () => {
      server = await start()
    })
    afterAll(() => server?.close())
    beforeEach(async () => {
      database = await server.freshDatabase()
      url = database.pool.options.connectionString!
      labels = new PostgresLabelRepository(database, { sessions: 3 })
      modelId = await new PostgresIngestRepository(database).registerModel(aModel({ dimension: DIMENSION }))
      random = randomNumbers(5)
    })

    const vectors = (count: number, dimension = DIMENSION) =>
      Array.from({ length: count }, () => randomVector(dimension, random))

    async function embedMany(count = MANY): Promise<void> {
      await database.query(
        "insert into photos (photo_id, photo_image_url) select 'p' || md5(n::text), 'x' from generate_series(1, $1::integer) as n",
        [count],
      )
      await database.query(
        `insert into embeddings (model_id, photo_id, embedding)
         select $1, 'p' || md5(n::text), format('[%s,%s,%s,1]', sin(n), cos(n * n), sin(3 * n))::halfvec
           from generate_series(1, $2::integer) as n`,
        [modelId, count],
      )
    }

    /** Definition and labels, as readers see them at one moment. */
    async function seen(of = database): Promise<{ labels: string[]; photos: number; rows: string }> {
      const [row] = await of.query<{ labels: string[]; photos: number; rows: string }>(
        `select s.labels, count(l.photo_id) as photos, coalesce(md5(string_agg(l::text, ',' order by l.photo_id)), '') as rows
           from label_sets s left join photo_labels l on l.model_id = s.model_id and l.set_name = s.name
          where s.name = 'time' group by s.labels`,
      )
      return row!
    }

    /** What labels of this definition look like in a database that never had others. */
    async function labelledAfresh(set: LabelSet, prompts: Float32Array[]): Promise<string> {
      await labels.savePrompts(modelId, { ...set, name: 'afresh' }, prompts)
      await labels.labelPhotos(modelId, 'afresh')
      const [row] = await database.query<{ rows: string }>(
        `select md5(string_agg((model_id, 'time', photo_id, label, score, scores)::text, ',' order by photo_id)) as rows
           from photo_labels where set_name = 'afresh'`,
      )
      return row!.rows
    }

    const page = async () =>
      (await database.query<{ labelled: number | null }>("select label_page($1, 'time') as labelled", [modelId]))[0]!
        .labelled
    const rest = async () =>
      (
        await database.query<{ labelled: number; queued: number }>("select * from label_rest($1, 'time')", [modelId])
      )[0]!
    const isSwitched = async () =>
      (await database.query<{ yes: boolean }>("select label_switch($1, 'time') as yes", [modelId]))[0]!.yes

    test('shows the old labels whole until the last photo is labelled, and then the new ones whole', async () => {
      const [old, coming] = [vectors(4), vectors(2)]
      await embedMany()
      await labels.savePrompts(modelId, TIME, old)
      expect(await labels.labelPhotos(modelId, 'time')).toBe(MANY)
      const before = await seen()
      expect(before).toMatchObject({ labels: TIME.labels, photos: MANY })

      expect(await labels.savePrompts(modelId, LIGHT, coming)).toBe(false)
      expect(await labels.hasPrompts(modelId, LIGHT)).toBe(false)
      expect(await isSwitched()).toBe(false)
      expect((await rest()).queued).toBeGreaterThan(1)
      for (let labelled: number | null = 0; labelled !== null; labelled = await page()) {
        expect(await seen()).toEqual(before)
        expect(await isSwitched()).toBe(false)
      }
      expect(await rest()).toEqual({ labelled: 0, queued: 0 })
      expect(await labels.labelProgress(modelId, 'time')).toEqual({ coming: true, photos: MANY, labelled: MANY })
      expect(await seen()).toEqual(before)

      expect(await isSwitched()).toBe(true)
      const after = await seen()
      expect(after).toMatchObject({ labels: LIGHT.labels, photos: MANY })
      expect(await labels.hasPrompts(modelId, LIGHT)).toBe(true)
      expect((await labels.histogram(modelId, 'time')).map(({ label }) => label)).toEqual(LIGHT.labels)
      expect(after.rows).toBe(await labelledAfresh(LIGHT, coming))
      expect(await database.query("select position, label, prompt from label_prompts where set_name = 'time'")).toEqual(
        LIGHT.labels.map((label, i) => ({ position: i + 1, label, prompt: `in the ${label}` })),
      )
    })

    test('shows labels of a new set as they come', async () => {
      await embedMany()
      await labels.savePrompts(modelId, TIME, vectors(4))
      await rest()
      const first = await page()
      expect(first).toBeGreaterThan(1000)
      expect((await seen()).photos).toBe(first)
      expect(await labels.labelPhotos(modelId, 'time')).toBe(MANY - first!)
    })

    test('labels what is embedded meanwhile under both definitions', async () => {
      const coming = vectors(2)
      await embedMany(50)
      await labels.savePrompts(modelId, TIME, vectors(4))
      await labels.labelPhotos(modelId, 'time')
      await labels.savePrompts(modelId, LIGHT, coming)
      await embedPhotos(database, modelId, [aPhoto('new')], vectors(1), ['time'])
      expect(await seen()).toMatchObject({ labels: TIME.labels, photos: 51 })
      expect(await labels.labelProgress(modelId, 'time')).toEqual({ coming: true, photos: 51, labelled: 1 })
      expect(await labels.labelPhotos(modelId, 'time')).toBe(50)
      const after = await seen()
      expect(after.photos).toBe(51)
      expect(after.rows).toBe(await labelledAfresh(LIGHT, coming))
    })

    test('keeps no label of an embedding that was replaced, under neither definition', async () => {
      await embedMany(3)
      await embedPhotos(database, modelId, [aPhoto('again')], vectors(1))
      await labels.savePrompts(modelId, TIME, vectors(4))
      await labels.labelPhotos(modelId, 'time')
      await labels.savePrompts(modelId, LIGHT, vectors(2))
      await rest()
      await embedPhotos(database, modelId, [aPhoto('again')], vectors(1))
      expect(await database.query("select from label_rows where photo_id = 'again'")).toEqual([])
      expect(await labels.labelPhotos(modelId, 'time')).toBe(1)
    })

    test('stops when it is told to, and goes on from there', async () => {
      await embedMany()
      await labels.savePrompts(modelId, TIME, vectors(4))
      await labels.labelPhotos(modelId, 'time')
      await labels.savePrompts(modelId, LIGHT, vectors(2))
      const controller = new AbortController()
      const alone = new PostgresLabelRepository(database)
      let done = 0
      const stop = (labelled: number) => {
        done = labelled
        controller.abort()
      }
      await expect(alone.labelPhotos(modelId, 'time', stop, controller.signal)).rejects.toThrow()
      expect(done).toBeGreaterThan(0)
      expect(done).toBeLessThan(MANY)
      expect(await seen()).toMatchObject({ labels: TIME.labels, photos: MANY })
      expect(await labels.savePrompts(modelId, LIGHT, vectors(2))).toBe(false)
      expect(await labels.labelPhotos(modelId, 'time')).toBe(MANY - done)
      expect(await seen()).toMatchObject({ labels: LIGHT.labels, photos: MANY })
    })

    test('leaves the page of one who dies to the others', async () => {
      await embedMany()
      await labels.savePrompts(modelId, TIME, vectors(4))
      await rest()
      const ranges = await database.query('select * from label_ranges order by first_block')
      const dying = database.transaction(async session => {
        await session.query("select label_page($1, 'time')", [modelId])
        throw new Error('killed')
      })
      await expect(dying).rejects.toThrow('killed')
      expect(await database.query('select * from label_ranges order by first_block')).toEqual(ranges)
      expect(await labels.labelPhotos(modelId, 'time')).toBe(MANY)
    })

    test('is shared by those who do it at the same time', async () => {
      await embedMany()
      await labels.savePrompts(modelId, TIME, vectors(4))
      await labels.labelPhotos(modelId, 'time')
      const coming = vectors(2)
      const other = await openDatabase({ url })
      const both = [labels, new PostgresLabelRepository(other, { sessions: 2 })]
      await Promise.all(both.map(repository => repository.savePrompts(modelId, LIGHT, coming)))
      await rest()
      const done = await Promise.all(both.map(repository => repository.labelPhotos(modelId, 'time')))
      await other.close()
      expect(done[0]! + done[1]!).toBe(MANY)
      expect(await seen()).toMatchObject({ labels: LIGHT.labels, photos: MANY })
      expect(await database.query('select from label_rows')).toHaveLength(MANY)
    })

    test('can be cancelled, and leaves nothing behind', async () => {
      await embedMany()
      await labels.savePrompts(modelId, TIME, vectors(4))
      await labels.labelPhotos(modelId, 'time')
      const before = await seen()
      await labels.savePrompts(modelId, LIGHT, vectors(2))
      await rest()
      await page()
      expect(await labels.cancelChange(modelId, 'time')).toBe(true)
      expect(await seen()).toEqual(before)
      expect(await database.query('select from label_rows')).toHaveLength(MANY)
      expect(await database.query('select from label_ranges')).toEqual([])
      expect(await labels.labelPhotos(modelId, 'time')).toBe(0)
      expect(await labels.cancelChange(modelId, 'time')).toBe(false)
    })

    test('gives way to another change, whose labels alone are seen', async () => {
      const [one, two] = [vectors(2), vectors(2)]
      await embedMany(200)
      await labels.savePrompts(modelId, TIME, vectors(4))
      await labels.labelPhotos(modelId, 'time')
      await labels.savePrompts(modelId, LIGHT, one)
      await rest()
      const other = { ...LIGHT, template: 'by {label}' }
      await labels.savePrompts(modelId, other, two)
      expect(await isSwitched()).toBe(false)
      expect(await labels.labelPhotos(modelId, 'time')).toBe(200)
      expect(await labels.hasPrompts(modelId, other)).toBe(true)
      expect((await seen()).rows).toBe(await labelledAfresh(LIGHT, two))
      expect(await database.query('select distinct version from label_rows')).toHaveLength(2)
    })

    test('is done by a worker whose run has another definition', async () => {
      const encoder = { encodeTexts: async (texts: readonly string[]) => vectors(texts.length) }
      await embedMany(30)
      await ensurePrompts(labels, encoder, modelId, TIME)
      expect((await seen()).photos).toBe(0)
      await labels.labelPhotos(modelId, 'time')
      await ensurePrompts(labels, encoder, modelId, LIGHT)
      expect(await seen()).toMatchObject({ labels: LIGHT.labels, photos: 30 })
    })

    test('is done from psql, in many transactions', async () => {
      await embedMany()
      await database.query(
        `select define_label_set('time', 'at {label}', '{day,night}', array['[1,0,0,0]', '[0,1,0,0]']::vector[], $1::integer::text)`,
        [modelId],
      )
      const client = new pg.Client({ connectionString: url })
      await client.connect()
      await client.query("call relabel('time', $1)", [String(modelId)]).finally(() => client.end())
      expect((await seen()).photos).toBe(MANY)
    })

    test.each([
      ['softmax' as const, 100, 0],
      ['sigmoid' as const, 112.5, -16.25],
    ])('gives the very scores that the schema gave before, by %s', async (scoring, logitScale, logitBias) => {
      const dimension = 512
      const id = await new PostgresIngestRepository(database).registerModel(
        aModel({ name: scoring, dimension, scoring, logitScale, logitBias }),
      )
      const photos = Array.from({ length: 60 }, (_, i) => aPhoto(`p${i}`))
      // Closer to each other than random ones: no score is next to 0 or 1.
      const near = (vector: Float32Array) => vector.map((value, i) => value + (i % 7) / 20)
      await embedPhotos(database, id, photos, vectors(60, dimension).map(near))
      await labels.savePrompts(id, TIME, vectors(4, dimension).map(near))
      await labels.labelPhotos(id, 'time')

      await database.query('create table former_labels (like photo_labels)')
      await database.query('alter table former_labels add primary key (model_id, set_name, photo_id)')
      await database.query(readFileSync('test/db/former-label-batch.sql', 'utf8'))
      await database.query("select former_batch($1, 'time', $2)", [id, photos.map(({ photo_id }) => photo_id)])
      const rows = (table: string) =>
        database.query(`select * from ${table} where model_id = $1 order by photo_id`, [id])
      expect(await rows('photo_labels')).toEqual(await rows('former_labels'))
      expect(await rows('photo_labels')).toHaveLength(60)
    })

    test('takes a set of a thousand labels', async () => {
      const wide = { ...TIME, labels: Array.from({ length: 1000 }, (_, i) => `label ${i}`) }
      await embedMany(20)
      await labels.savePrompts(modelId, wide, vectors(1000))
      expect(await labels.labelPhotos(modelId, 'time')).toBe(20)
      const [sum] = await database.query<{ least: number; most: number; scores: number }>(
        `select min(total) as least, max(total) as most, min(cardinality(scores)) as scores
           from photo_labels cross join lateral (select sum(s) as total from unnest(scores) as s) as sums`,
      )
      expect(sum).toEqual({ least: expect.closeTo(1, 4), most: expect.closeTo(1, 4), scores: 1000 })
    })

    test.each([
      ['no labels', '{}', '{}', 'one embedding a label expected, found 0 labels and 0 embeddings'],
      ['a label too many', '{a,b}', '{"[1,0,0,0]"}', 'one embedding a label expected, found 2 labels and 1 embeddings'],
      ['another dimension', '{a}', '{"[1,0,0]"}', 'the embedding of a prompt has 4 numbers'],
      ['no direction', '{a}', '{"[0,0,0,0]"}', 'the embedding of a prompt has 4 numbers'],
      ['no prompt', '{a}', '{null}', 'the embedding of a prompt has 4 numbers'],
      ['equal labels', '{b,a,b}', '{"[1,0,0,0]","[0,1,0,0]","[0,0,1,0]"}', 'found "b", "b"'],
      ['labels that a model reads as one', '{"a b"," A  B"}', '{"[1,0,0,0]","[0,1,0,0]"}', 'found "a b", " A  B"'],
      ['an empty label', '{a," "}', '{"[1,0,0,0]","[0,1,0,0]"}', 'found an empty one'],
      ['a label that is null', '{a,null}', '{"[1,0,0,0]","[0,1,0,0]"}', 'found an empty one'],
    ])('refuses a definition with %s', async (_, names, embeddings, message) => {
      await expect(
        database.query("select define_label_set('time', '{label}', $1::text[], $2::text[]::vector[], $3)", [
          names,
          embeddings,
          String(modelId),
        ]),
      ).rejects.toMatchObject({ code: 'USAGE', message: expect.stringContaining(message) })
    })

    if (kind === 'native')
      test('waits for no reader, and leaves one who looks twice what it saw', async () => {
        await embedMany(100)
        await labels.savePrompts(modelId, TIME, vectors(4))
        await labels.labelPhotos(modelId, 'time')
        const reader = await openDatabase({ url })
        await reader.transaction(async session => {
          await session.query('set transaction isolation level repeatable read')
          const look = () => session.query('select photo_id, label, scores from photo_labels order by photo_id')
          const before = await look()
          await labels.savePrompts(modelId, LIGHT, vectors(2))
          expect(await labels.labelPhotos(modelId, 'time')).toBe(100)
          expect(await look()).toEqual(before)
        })
        await reader.close()
        expect((await seen()).labels).toEqual(LIGHT.labels)
      })
  })
})
