import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../src/db/connection.js'
import { PostgresIndexRepository } from '../../src/db/index-repository.js'
import { PostgresLabelRepository } from '../../src/db/label-repository.js'
import { PostgresSearchRepository } from '../../src/db/search-repository.js'
import { toVectorText } from '../../src/db/vector.js'
import { MEBIBYTE } from '../../src/domain/index-plan.js'
import { tuneSearch } from '../../src/domain/index-tuning.js'
import type { QueryKind, SampleQuery, SearchSetting } from '../../src/domain/ports/index-repository.js'
import { recallOf } from '../../src/domain/recall.js'
import { cosineSimilarity } from '../../src/domain/similarity.js'
import { serverKinds, type TestServer } from '../support/postgres.js'
import { type Clustered, clusteredVectors, embedClusters } from './clustered.js'

const PHOTOS = 3000
const LISTS = 50
const K = 10
const SAMPLE = 60

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
    }, 120_000)
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
    const setting = (effort: number): SearchSetting => ({ method: 'ivfflat', indexName: lists, effort })
    const measure = (kind: QueryKind, queries: SampleQuery[]) => (tried: SearchSetting) =>
      indexes.measure(collection.modelId, kind, tried, queries, K)

    async function meanRecall(kind: QueryKind, queries: SampleQuery[], tried: SearchSetting): Promise<number> {
      const answers = await measure(kind, queries)(tried)
      const recalls = answers.map(({ hits }, i) => {
        const query = queries[i]!
        const exact =
          'vector' in query
            ? nearest(query.vector)
            : nearest(collection.images.find(({ id }) => id === query.photoId)!.embedding, query.photoId)
        return recallOf(hits, exact)
      })
      return recalls.reduce((sum, recall) => sum + recall, 0) / recalls.length
    }

    it('measures what search answers under a setting, and leaves none behind', async () => {
      expect(await meanRecall('text', texts(20), { method: 'exact' })).toBe(1)
      const few = await meanRecall('text', texts(20), setting(1))
      const half = await meanRecall('text', texts(20), setting(LISTS / 5))
      expect(few).toBeLessThan(half)
      expect(await meanRecall('text', texts(20), setting(LISTS))).toBe(1)
      expect(await database.query('select * from search_settings')).toEqual([])
    })

    it('leaves a photo out of its own answer', async () => {
      const [answer] = await measure('image', [{ photoId: 'photo-7' }])({ method: 'exact' })
      expect(answer!.hits.map(({ photoId }) => photoId)).toEqual(
        nearest(collection.images[7]!.embedding, 'photo-7').map(({ photoId }) => photoId),
      )
    })

    it.each(['text', 'image'] as const)(
      'finds a setting for %s queries with which others reach the recall',
      async kind => {
        const wanted = kind === 'text' ? 0.9 : 0.95
        const queries = kind === 'text' ? texts(SAMPLE) : await indexes.samplePhotos(collection.modelId, SAMPLE, 1)
        const [index] = (await indexes.indexes(collection.modelId)).filter(({ method }) => method === 'ivfflat')
        const { chosen, tried } = await tuneSearch([index!], wanted, measure(kind, queries), true)
        expect(chosen.setting.method).toBe('ivfflat')
        const efforts = tried.map(({ trial }) => trial.effort)
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

        const others =
          kind === 'text'
            ? collection.texts.slice(SAMPLE).map(vector => ({ vector }))
            : await indexes.samplePhotos(collection.modelId, 2 * SAMPLE, 99)
        expect(await meanRecall(kind, others, chosen.setting)).toBeGreaterThan(wanted - 0.02)
      },
    )

    it('is what search then uses', async () => {
      const search = new PostgresSearchRepository(database)
      const [query] = collection.texts
      for (const effort of [1, LISTS]) {
        await indexes.saveSetting(collection.modelId, 'text', setting(effort), {
          wantedRecall: 0.5,
          measuredRecall: 0.5,
          sampledQueries: 1,
        })
        const [answer] = await measure('text', [{ vector: query! }])(setting(effort))
        const hits = await search.search(collection.modelId, query!, { k: K })
        expect(hits.map(({ photoId }) => photoId)).toEqual(answer!.hits.map(({ photoId }) => photoId))
      }
    })

    it('samples the same photos for the same seed, and others for another', async () => {
      const sample = (seed: number) => indexes.samplePhotos(collection.modelId, 20, seed)
      expect(await sample(1)).toEqual(await sample(1))
      expect(await sample(1)).not.toEqual(await sample(2))
      expect(new Set((await sample(1)).map(query => JSON.stringify(query))).size).toBe(20)
      expect(await indexes.samplePhotos(collection.modelId, PHOTOS + 5, 1)).toHaveLength(PHOTOS)
    })

    it('samples prompts of searches and of label sets, each once, and apart what shapes and what judges', async () => {
      const { modelId } = collection
      const prompts = (half: 'shaping' | 'judging', count = 99) => indexes.samplePrompts(modelId, half, count, 1)
      expect(await prompts('judging')).toEqual([])
      const texts = clusteredVectors(0, 40, 9).texts
      const set = { name: 'number', template: '{label}', labels: texts.slice(0, 20).map((_, i) => `label ${i}`) }
      await new PostgresLabelRepository(database).savePrompts(modelId, set, texts.slice(0, 20))
      await database.query(
        `insert into prompt_embeddings (model_id, prompt, embedding)
         select $1::integer, prompt, embedding from label_prompts where position <= 10
         union all select $1::integer, prompt, vector::vector from unnest($2::text[], $3::text[]) as new (prompt, vector)`,
        [modelId, texts.slice(20).map((_, i) => `prompt ${i}`), texts.slice(20).map(toVectorText)],
      )
      const [shaping, judging] = [await prompts('shaping'), await prompts('judging')]
      const key = (vector: Float32Array) => toVectorText(vector)
      expect([...shaping, ...judging].map(key).sort()).toEqual(texts.map(key).sort())
      expect(Math.min(shaping.length, judging.length)).toBeGreaterThan(5)
      expect(await prompts('judging')).toEqual(judging)
      expect(await prompts('judging', 4)).toEqual(judging.slice(0, 4))
    })
  })
})
