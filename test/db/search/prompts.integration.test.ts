import { beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '../../../src/db/connection.js'
import type { PostgresIngestRepository } from '../../../src/db/ingest/ingest-repository.js'
import { PostgresLabelRepository } from '../../../src/db/label-repository.js'
import { PostgresPromptRepository } from '../../../src/db/search/prompt-repository.js'
import { PostgresSearchRepository } from '../../../src/db/search/search-repository.js'
import type { QueryPart } from '../../../src/domain/ports/prompts.js'
import type { ModelId } from '../../../src/domain/ports/repository.js'
import { normalise } from '../../../src/domain/similarity.js'
import { serverKinds } from '../../support/servers/postgres.js'
import { aModel, aPhoto, embedPhotos } from '../factories.js'
import { freshDatabases } from '../fresh-databases.js'
import { combine, storedPrompts } from '../stored-prompts.js'

const unit = (...values: number[]): Float32Array => normalise(Float32Array.from(values))
const NIGHT = unit(1, 0, 0, 0)
const DOG = unit(0, 1, 0, 0)
const SNOW = unit(0, 0, 1, 0)

const kinds = serverKinds()
describe.each(kinds)('prompts on the $kind server', ({ available, start }) => {
  describe.skipIf(!available)('', () => {
    const fresh = freshDatabases(start)
    let database: Database
    let prompts: PostgresPromptRepository
    let ingest: PostgresIngestRepository
    let modelId: ModelId
    beforeAll(async () => {
      ;({ database, ingest, modelId } = await fresh())
      prompts = new PostgresPromptRepository(database)
      await ingest.createRun({ id: 'run-1', modelId, source: 'photos.tsv', options: {} })
      await embedPhotos(
        database,
        modelId,
        ['night', 'dog', 'dog-at-night', 'snow'].map(id => aPhoto(id)),
        [NIGHT, DOG, unit(1, 1, 0, 0), SNOW],
      )
      await prompts.save(modelId, ['at night', 'a dog'], [NIGHT, DOG])
    })

    const idsOf = (rows: Record<string, unknown>[]) => rows.map(row => row.photo_id)
    const searchText = (prompt: string) =>
      database.query<{ photo_id: string }>('select photo_id from search_text($1, k => 2) order by rank', [prompt])

    test('are found whatever the blanks between their words', async () => {
      expect(await storedPrompts(database, modelId, ['  at\n night ', 'At night', 'a dog'])).toEqual([NIGHT, null, DOG])
    })

    test('are searched with in SQL, as the vectors that they stand for', async () => {
      expect(idsOf(await searchText(' at  night'))).toEqual(['night', 'dog-at-night'])
      expect(idsOf(await searchText('a dog'))).toEqual(['dog', 'dog-at-night'])
    })

    test('that were embedded for a label serve too; those kept by themselves win', async () => {
      const set = { name: 'weather', template: 'in {label}', labels: ['snow', 'rain'] }
      await new PostgresLabelRepository(database).savePrompts(modelId, set, [SNOW, unit(0, 0, 0, 1)])
      expect((await searchText('in snow'))[0]).toEqual({ photo_id: 'snow' })
      await prompts.save(modelId, ['in snow'], [DOG])
      expect((await searchText('in snow'))[0]).toEqual({ photo_id: 'dog' })
    })

    test('that are kept already stay as they are', async () => {
      await prompts.save(modelId, ['kept', ' kept ', 'kept'], [NIGHT, DOG, DOG])
      const [first] = await storedPrompts(database, modelId, ['kept'])
      await prompts.save(modelId, ['kept'], [SNOW])
      expect(await storedPrompts(database, modelId, ['kept'])).toEqual([first])
    })

    test('are listed in order, page by page, and removed by their words', async () => {
      await prompts.save(modelId, ['zebra', 'ant', 'bee'], [NIGHT, DOG, SNOW])
      const pages: string[][] = []
      for await (const page of prompts.list(modelId, 2)) pages.push(page.map(({ prompt }) => prompt))
      const all = pages.flat()
      expect(pages.slice(0, -1).every(page => page.length === 2)).toBe(true)
      expect(all).toEqual([...all].sort())
      expect(all).toEqual(expect.arrayContaining(['a dog', 'ant', 'at night', 'bee', 'zebra']))
      expect((await prompts.remove(modelId, [' ant', 'bee', 'never stored'])).sort()).toEqual(['ant', 'bee'])
      expect(await storedPrompts(database, modelId, ['ant', 'zebra'])).toEqual([null, NIGHT])
    })

    test('belong to a model, and go with it', async () => {
      const otherId = await ingest.registerModel(aModel({ name: 'other', dimension: 2 }))
      await prompts.save(otherId, ['only here'], [Float32Array.of(1, 0)])
      expect(await storedPrompts(database, modelId, ['only here'])).toEqual([null])
      await database.query('delete from models where id = $1', [otherId])
      expect(await database.query(`select from prompt_embeddings where prompt = 'only here'`)).toEqual([])
    })

    test('that are not embedded are refused with the command that embeds them, quoted for a shell', async () => {
      const refusal = (prompt: string) =>
        searchText(prompt).then(
          () => null,
          (error: { code: string; message: string }) => error,
        )
      const plain = await refusal('in the   rain')
      expect(plain).toMatchObject({ code: 'PROMPT_NOT_EMBEDDED' })
      expect(plain!.message).toMatch(
        /^"in the rain" is not embedded yet\. Run: unsplash-clip prompts add "in the rain" --model clip-test@fp32 \(/,
      )
      expect((await refusal('it\'s $(rm -rf ~) `x` "y"'))!.message).toContain(
        `prompts add 'it'\\''s $(rm -rf ~) \`x\` "y"' --model`,
      )
      expect((await refusal("'; drop table photos; --"))!.message).toContain('is not embedded yet')
    })

    test.each([
      ['', 'a prompt of at least one word expected, found ""'],
      [' \n\t', 'a prompt of at least one word expected'],
      ['x'.repeat(2001), 'a prompt of at most 2000 bytes expected, found 2001 beginning "xxxx'],
      ['日'.repeat(700), 'found 2100 beginning "日'],
    ])('that no model could read are refused: %j', async (prompt, message) => {
      await expect(searchText(prompt)).rejects.toMatchObject({
        code: 'USAGE',
        message: expect.stringContaining(message),
      })
      await expect(storedPrompts(database, modelId, [prompt])).rejects.toMatchObject({ code: 'USAGE' })
      await expect(prompts.save(modelId, [prompt], [NIGHT])).rejects.toMatchObject({ code: 'USAGE' })
    })

    test('of 2000 bytes that no compression makes shorter are kept', async () => {
      const long = Array.from({ length: 1000 }, (_, i) => String.fromCharCode(0x100 + ((i * 7919) % 0x600))).join('')
      await prompts.save(modelId, [long], [NIGHT])
      expect(await storedPrompts(database, modelId, [long])).toEqual([NIGHT])
    })

    describe('combined', () => {
      const expectVector = (found: Float32Array, expected: Float32Array) => {
        for (const [i, value] of expected.entries()) expect(found[i]).toBeCloseTo(value, 6)
      }

      test('add up as unit vectors, by their weights', async () => {
        expectVector(
          await combine(database, modelId, [
            { photo: 'dog-at-night', weight: 1 },
            { vector: Float32Array.of(7, 7, 0, 0), weight: 1 },
            { prompt: 'at night', weight: -1 },
            { prompt: 'a dog', weight: 0.5 },
          ]),
          unit(Math.SQRT2 - 1, Math.SQRT2 + 0.5, 0, 0),
        )
      })

      test('find the photo that is like one of them and not like the other', async () => {
        const [hit] = await database.query(
          `select photo_id from search_photos(combine('[{"photo": "dog-at-night"}, {"prompt": "at night", "weight": -1}]'), k => 1)`,
        )
        expect(hit).toEqual({ photo_id: 'dog' })
      })

      test.each<[string, string, string]>([
        ['[]', 'USAGE', 'at least one part'],
        ['{}', 'USAGE', 'parts must be a JSON array'],
        ['null', 'USAGE', 'parts must be a JSON array'],
        ['["at night"]', 'USAGE', 'a part is {"prompt": "words", "weight": 1}'],
        ['[{"prompt": 3}]', 'USAGE', 'a part is'],
        ['[{"weight": 1}]', 'USAGE', 'a part is'],
        ['[{"prompt": "at night", "photo": "dog"}]', 'USAGE', 'a part is'],
        ['[{"prompt": "at night", "wieght": 2}]', 'USAGE', 'a part is'],
        [
          '[{"prompt": "at night", "weight": "2"}]',
          'USAGE',
          'weight expects a number between -1000 and 1000, found "2"',
        ],
        ['[{"prompt": "at night", "weight": 1e9}]', 'USAGE', 'weight expects a number'],
        ['[{"prompt": "at night", "weight": null}]', 'USAGE', 'weight expects a number'],
        ['[{"prompt": "at night"}, {"photo": "night", "weight": -1}]', 'USAGE', 'the parts cancel each other out'],
        ['[{"prompt": "at night", "weight": 0}]', 'USAGE', 'the parts cancel each other out'],
        ['[{"photo": "nowhere"}]', 'NOT_EMBEDDED', 'Photo nowhere is not embedded with this model'],
        ['[{"photo": "x\' or true --"}]', 'NOT_EMBEDDED', 'is not embedded with this model'],
        ['[{"prompt": "never seen"}]', 'PROMPT_NOT_EMBEDDED', 'prompts add "never seen"'],
        ['[{"vector": [1, 2]}]', 'USAGE', "a vector of 4 numbers expected, as the model's embeddings are, found 2"],
        ['[{"vector": []}]', 'USAGE', 'a vector of 4 numbers'],
        [
          '[{"vector": [1, "x", 0, 0]}]',
          'USAGE',
          'a vector of 4 numbers in single precision expected, found [1, "x", 0, 0]',
        ],
        ['[{"vector": [1e300, 0, 0, 0]}]', 'USAGE', 'in single precision'],
        ['[{"vector": [1, null, 0, 0]}]', 'USAGE', 'in single precision'],
        ['[{"vector": "NaN"}]', 'USAGE', 'a part is'],
        ['[{"vector": ["NaN", 0, 0, 0]}]', 'USAGE', 'in single precision'],
        ['[{"prompt": " "}]', 'USAGE', 'at least one word'],
      ])('%s is refused', async (parts, code, message) => {
        await expect(database.query('select combine($1::jsonb)', [parts])).rejects.toMatchObject({
          code,
          message: expect.stringContaining(message),
        })
      })

      test('take any text for words, and nothing else', async () => {
        const search = new PostgresSearchRepository(database)
        const nearest = (part: QueryPart) => search.searchCombined(modelId, [part], { k: 1 })
        await expect(nearest({ prompt: 'a\0 dog', weight: 1 })).resolves.toMatchObject([{ photoId: 'dog', score: 1 }])
        await expect(nearest({ prompt: 'half \ud800', weight: 1 })).rejects.toMatchObject({
          code: 'PROMPT_NOT_EMBEDDED',
        })
      })
    })
  })
})
