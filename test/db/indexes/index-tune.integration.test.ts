import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Database, openDatabase } from '../../../src/db/connection.js'
import { PostgresIndexRepository } from '../../../src/db/indexes/index-repository.js'
import { PostgresLabelRepository } from '../../../src/db/label-repository.js'
import { PostgresSearchRepository } from '../../../src/db/search/search-repository.js'
import { toVectorText } from '../../../src/db/vector.js'
import { imageQueries } from '../../../src/domain/indexes/image-queries.js'
import { tuneSearch } from '../../../src/domain/indexes/index-tuning.js'
import { recallOf } from '../../../src/domain/indexes/recall.js'
import type { QueryKind, SampleQuery, SearchSetting } from '../../../src/domain/ports/index-repository.js'
import { cosineSimilarity } from '../../../src/domain/similarity.js'
import { MEBIBYTE } from '../../../src/domain/units.js'
import { serverKinds, type TestServer } from '../../support/servers/postgres.js'
import { type Clustered, clusteredVectors, embedClusters } from './clustered.js'

const PHOTOS = 3000
const LISTS = 50
const K = 10
const SAMPLE = 60
/** Like the photos of the collection, and not among them. */
const outsideImages = clusteredVectors(PHOTOS + 2 * SAMPLE, 0).images.slice(PHOTOS)

const kinds = serverKinds()
describe.each(kinds)('tuning on the $kind server', ({ available, start }) => {
  describe.skipIf(!available)('', () => {
    let server: TestServer
    let database: Database
    let indexes: PostgresIndexRepository
    let collection: Clustered
    let lists: string
    beforeAll(async () => {
      server = await start()
      database = await server.freshDatabase()
      const url = database.pool.options.connectionString!
      indexes = new PostgresIndexRepository(database, () => openDatabase({ url, maxConnections: 1 }))
      collection = await embedClusters(database, PHOTOS, 200)
      lists = `embeddings_m${collection.modelId}_ivfflat`
      for (const shape of [
        { kind: 'ivfflat', lists: LISTS },
        { kind: 'hnsw', m: 8, efConstruction: 32 },
      ] as const)
        await indexes.build(
          collection.modelId,
          shape,
          { memory: 64 * MEBIBYTE, workers: 0 },
          { rebuild: false, onEvent: () => undefined, signal: new AbortController().signal },
        )
    }, 240_000)
    afterAll(() => server?.close())

    /** The ten nearest, computed here. */
    function nearest(query: Float32Array, except?: string): { photoId: string; score: number }[] {
      return collection.images
        .filter(({ id }) => id !== except)
        .map(({ id, embedding }) => ({ photoId: id, score: cosineSimilarity(embedding, query) }))
        .sort((a, b) => b.score - a.score)
        .slice(0, K)
    }
    const texts = (count: number): SampleQuery[] => collection.texts.slice(0, count).map(vector => ({ vector }))
    const setting = (searchEffort: number): SearchSetting => ({ method: 'ivfflat', indexName: lists, searchEffort })
    const measure = (kind: QueryKind, queries: SampleQuery[]) => (tried: SearchSetting) =>
      indexes.measure(collection.modelId, kind, tried, queries, K)

    async function meanRecall(kind: QueryKind, queries: SampleQuery[], tried: SearchSetting): Promise<number> {
      const answers = await measure(kind, queries)(tried)
      const recalls = answers.map(({ hits }, i) => recallOf(hits, nearest(queries[i]!.vector, queries[i]!.exceptPhoto)))
      return recalls.reduce((sum, recall) => sum + recall, 0) / recalls.length
    }

    test('measures what search answers under a setting, and leaves none behind', async () => {
      expect(await meanRecall('text', texts(20), { method: 'exact' })).toBe(1)
      const few = await meanRecall('text', texts(20), setting(1))
      const half = await meanRecall('text', texts(20), setting(LISTS / 5))
      expect(few).toBeLessThan(half)
      expect(await meanRecall('text', texts(20), setting(LISTS))).toBe(1)
      expect(await database.query('select * from search_settings')).toEqual([])
    })

    test('leaves a photo out of its own answer', async () => {
      const { id, embedding } = collection.images[7]!
      const [answer] = await measure('image', [{ vector: embedding, exceptPhoto: id }])({ method: 'exact' })
      expect(answer!.hits.map(({ photoId }) => photoId)).toEqual(nearest(embedding, id).map(({ photoId }) => photoId))
    })

    test.each(['text', 'image'] as const)(
      'finds a setting for %s queries with which others reach the recall',
      async kind => {
        const wanted = kind === 'text' ? 0.9 : 0.95
        const queries =
          kind === 'text'
            ? texts(SAMPLE)
            : imageQueries(await indexes.samplePhotos(collection.modelId, SAMPLE, 1)).flat()
        const [index] = (await indexes.indexes(collection.modelId)).filter(({ method }) => method === 'ivfflat')
        const { chosen, tried } = await tuneSearch([index!], wanted, measure(kind, queries), { isForced: true })
        expect(chosen.setting.method).toBe('ivfflat')
        const efforts = tried.map(({ trial }) => trial.searchEffort)
        expect(efforts[0]).toBe(0)
        expect(Math.max(...efforts)).toBeLessThanOrEqual(LISTS)
        const measured = { wantedRecall: wanted, measuredRecall: chosen.trial.recall.mean, sampledQueries: SAMPLE }
        await indexes.saveSetting(collection.modelId, kind, chosen.setting, measured)
        const [stored] = (await indexes.tunings(collection.modelId)).filter(tuning => tuning.kind === kind)
        expect(stored).toMatchObject({
          answeredBy: 'ivfflat',
          state: 'tuned',
          photosAtTuning: PHOTOS,
          sampledQueries: SAMPLE,
        })

        const others = (kind === 'text' ? collection.texts.slice(SAMPLE) : outsideImages).map(vector => ({ vector }))
        expect(await meanRecall(kind, others, chosen.setting)).toBeGreaterThan(wanted - 0.02)
      },
    )

    test('is what search then uses', async () => {
      const search = new PostgresSearchRepository(database)
      const [query] = collection.texts
      for (const searchEffort of [1, LISTS]) {
        await indexes.saveSetting(collection.modelId, 'text', setting(searchEffort), {
          wantedRecall: 0.5,
          measuredRecall: 0.5,
          sampledQueries: 1,
        })
        const [answer] = await measure('text', [{ vector: query! }])(setting(searchEffort))
        const hits = await search.search(collection.modelId, query!, { k: K, kind: 'text' })
        expect(hits.map(({ photoId }) => photoId)).toEqual(answer!.hits.map(({ photoId }) => photoId))
      }
    })

    test('samples the same photos for the same seed, and others for another', async () => {
      const sample = (seed: number) => indexes.samplePhotos(collection.modelId, 20, seed)
      expect(await sample(1)).toEqual(await sample(1))
      expect(await sample(1)).not.toEqual(await sample(2))
      expect(new Set((await sample(1)).map(({ photoId }) => photoId)).size).toBe(20)
      expect(await indexes.samplePhotos(collection.modelId, PHOTOS + 5, 1)).toHaveLength(PHOTOS)
    })

    test('samples prompts of searches and of label sets, each once', async () => {
      const { modelId } = collection
      const prompts = (count = 99) => indexes.samplePrompts(modelId, count, 1)
      expect(await prompts()).toEqual([])
      const texts = clusteredVectors(0, 40, 9).texts
      const set = { name: 'number', template: '{label}', labels: texts.slice(0, 20).map((_, i) => `label ${i}`) }
      await new PostgresLabelRepository(database).savePrompts(modelId, set, texts.slice(0, 20))
      await database.query(
        `insert into prompt_embeddings (model_id, prompt, embedding)
         select $1::integer, prompt, embedding from label_prompts where position <= 10
         union all select $1::integer, prompt, vector::vector from unnest($2::text[], $3::text[]) as new (prompt, vector)`,
        [modelId, texts.slice(20).map((_, i) => `prompt ${i}`), texts.slice(20).map(toVectorText)],
      )
      const sample = await prompts()
      const key = (vector: Float32Array) => toVectorText(vector)
      expect(sample.map(key).sort()).toEqual(texts.map(key).sort())
      expect(await prompts()).toEqual(sample)
      expect(await prompts(4)).toEqual(sample.slice(0, 4))
    })
  })
})
