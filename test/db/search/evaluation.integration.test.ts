import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '../../../src/db/connection.js'
import { PostgresIngestRepository } from '../../../src/db/ingest/ingest-repository.js'
import { PostgresEvaluationRepository } from '../../../src/db/search/evaluation-repository.js'
import { PostgresPromptRepository } from '../../../src/db/search/prompt-repository.js'
import { PostgresSearchRepository } from '../../../src/db/search/search-repository.js'
import type { ModelId } from '../../../src/domain/ports/repository.js'
import { serverKinds, type TestServer } from '../../support/servers/postgres.js'
import { aModel, aPhoto, embedPhotos, randomNumbers, randomVector } from '../factories.js'

const DESCRIPTIONS: Record<string, string | null> = {
  a: 'Two dogs on a beach',
  b: 'a dog',
  c: 'The beach; no animals',
  d: 'a lamp on a well-lit desk',
  e: null,
}
const CONVERSIONS = [
  ['dog', 'a'],
  ['dog', 'a'],
  ['dog', 'b'],
  ['dog', 'elsewhere'],
  ['lamp', 'd'],
  ['only in the other model', 'e'],
  ['elsewhere', 'elsewhere'],
  ['   ', 'a'],
  ['long '.repeat(401), 'a'],
]
const DIMENSION = 4

describe.each(serverKinds())('the evaluation repository on the $kind server', ({ available, start }) => {
  describe.skipIf(!available)('', () => {
    let server: TestServer
    let database: Database
    let evaluations: PostgresEvaluationRepository
    let both: ModelId[]
    const random = randomNumbers(3)
    const vector = randomVector(DIMENSION, random)

    beforeAll(async () => {
      server = await start()
      database = await server.freshDatabase()
      evaluations = new PostgresEvaluationRepository(database)
      const ingest = new PostgresIngestRepository(database)
      both = []
      for (const name of ['one', 'two']) both.push(await ingest.registerModel(aModel({ name, dimension: DIMENSION })))
      const photos = Object.entries(DESCRIPTIONS).map(([id, text]) => aPhoto(id, { photo_description: text }))
      const vectors = photos.map(() => randomVector(DIMENSION, random))
      await embedPhotos(database, both[0]!, photos, vectors)
      await embedPhotos(database, both[1]!, photos.slice(0, 4), vectors)
      await database.query(
        `insert into photo_conversions (converted_at, keyword, photo_id)
         select timestamp '2020-01-01' + n * interval '1 day', keyword, photo_id
           from unnest($1::text[], $2::text[]) with ordinality as each (keyword, photo_id, n)`,
        [CONVERSIONS.map(([keyword]) => keyword), CONVERSIONS.map(([, photo]) => photo)],
      )
    })
    afterAll(() => server?.close())

    const draw = (changes = {}) => ({ modelIds: [both[0]!], leastRelevant: 1, most: 100, seed: 0, ...changes })

    test('draws searches with downloads of embedded photos, and counts the others', async () => {
      const { queries, ...counts } = await evaluations.drawConversions(draw())
      expect(queries.sort()).toEqual(['dog', 'lamp', 'only in the other model'])
      expect(counts).toEqual({ total: 6, tooFewRelevant: 1, unusable: 2 })
      expect((await evaluations.convertedPhotos([both[0]!], 'dog')).sort()).toEqual(['a', 'b'])
    })

    test('counts only photos that every model has embedded', async () => {
      expect((await evaluations.drawConversions(draw({ modelIds: both }))).queries.sort()).toEqual(['dog', 'lamp'])
      expect(await evaluations.convertedPhotos(both, 'only in the other model')).toEqual([])
      expect(await evaluations.embeddedAmong(both, ['a', 'e', 'unknown'])).toEqual(['a'])
      expect(await evaluations.countEmbedded(both)).toEqual({ each: [5, 4], all: 4 })
    })

    test('draws the same queries for the same seed, and takes those with enough relevant photos', async () => {
      const drawn = async (seed: number) => (await evaluations.drawConversions(draw({ most: 2, seed }))).queries
      expect(await drawn(1)).toEqual(await drawn(1))
      const orders = await Promise.all([0, 1, 2, 3, 4, 5].map(drawn))
      expect(new Set(orders.map(order => order.join())).size).toBeGreaterThan(1)
      expect((await evaluations.drawConversions(draw({ leastRelevant: 2 }))).queries).toEqual(['dog'])
    })

    test('finds photos whose text has the words in any form', async () => {
      const found = (query: string) => evaluations.photosWithWords([both[0]!], ['photo_description'], query)
      expect((await found('a dog')).sort()).toEqual(['a', 'b'])
      expect(await found('dogs beach')).toEqual(['a'])
      expect(await found('beach -dog')).toEqual(['c'])
      expect(await found('the')).toEqual([])
      expect(await evaluations.photosWithWords([both[0]!], ['ai_description'], 'dog')).toEqual([])
    })

    test('draws words of a column, one for all of its forms', async () => {
      const words = { ...draw(), columns: ['photo_description' as const], mostShare: 1 }
      const { queries, ...counts } = await evaluations.drawWords(words)
      expect(queries.sort()).toEqual(['animals', 'beach', 'desk', 'dog', 'lamp', 'two'])
      expect(counts).toEqual({ total: 6, tooFewRelevant: 0, unusable: 0 })
      expect((await evaluations.drawWords({ ...words, leastRelevant: 2 })).queries.sort()).toEqual(['beach', 'dog'])
      expect((await evaluations.drawWords({ ...words, mostShare: 0.25 })).queries).not.toContain('dog')
    })

    test('finds stored vectors of texts', async () => {
      await new PostgresPromptRepository(database).save(both[0]!, ['a dog'], [vector])
      const [stored, missing] = await evaluations.storedVectors(both[0]!, ['a  dog', 'a cat'])
      expect(Math.max(...stored!.map((value, i) => Math.abs(value - vector[i]!)))).toBeLessThan(1e-6)
      expect(missing).toBeNull()
    })

    test('ranks as searches do', async () => {
      const search = new PostgresSearchRepository(database)
      const asked = [{ text: 'dog', vector }]
      const [plain] = await evaluations.rank(both[0]!, asked, { k: 3, setting: { method: 'exact' } })
      const hits = await search.search(both[0]!, vector, { k: 3, kind: 'text' })
      expect(plain!.photoIds).toEqual(hits.map(({ photoId }) => photoId))
      const weights = { vectorWeight: 1, textWeight: 2 }
      const [hybrid] = await evaluations.rank(both[0]!, asked, { k: 3, hybrid: { ...weights, depth: 200 } })
      const fused = await search.hybrid(both[0]!, 'dog', vector, { k: 3, kind: 'text', ...weights })
      expect(hybrid!.photoIds).toEqual(fused.map(({ photoId }) => photoId))
      expect(hybrid!.photoIds.slice(0, 2).sort()).toEqual(['a', 'b'])
    })

    test('leaves no setting behind', async () => {
      const setting = { method: 'hnsw', indexName: 'no_such_index', searchEffort: 10 } as const
      const [found] = await evaluations.rank(both[0]!, [{ text: 'dog', vector }], { k: 3, setting })
      expect(found!.photoIds).toHaveLength(3)
      const [left] = await database.query<{ tried: string | null }>(
        `select current_setting('unsplash_clip.tried_setting', true) as tried`,
      )
      expect(left!.tried ?? '').toBe('')
    })
  })
})
