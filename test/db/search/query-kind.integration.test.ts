import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '../../../src/db/connection.js'
import { PostgresIngestRepository } from '../../../src/db/ingest/ingest-repository.js'
import { toVectorText } from '../../../src/db/vector.js'
import type { ModelId } from '../../../src/domain/ports/repository.js'
import { dot, normalise } from '../../../src/domain/similarity.js'
import { readMatrix } from '../../../src/models/check/npy.js'
import { serverKinds, type TestServer } from '../../support/servers/postgres.js'
import { hasReference, REFERENCE } from '../../support/servers/requirements.js'
import { aModel, aPhoto, embedPhotos, randomNumbers } from '../factories.js'

const DIMENSION = 512
const LISTS = 24
/** Photos of the collection; the others ask. */
const EMBEDDED = 600
const QUERIES = 25

const reference = hasReference()
describe.each(serverKinds())('query vectors of undeclared kind on the $kind server', ({ available, start }) => {
  describe.skipIf(!available || !reference)('with the real vectors of CLIP', () => {
    const random = randomNumbers(11)
    const pick = (vectors: readonly Float32Array[]): Float32Array =>
      vectors[Math.floor((random() + 0.5) * vectors.length)]!
    const sum = (...parts: [Float32Array, number][]): Float32Array =>
      normalise(Float32Array.from({ length: DIMENSION }, (_, d) => parts.reduce((s, [v, w]) => s + w * v[d]!, 0)))
    const mean = (count: number): Float32Array =>
      sum(...Array.from({ length: count }, (): [Float32Array, number] => [photo(), 1]))
    let embedded: Float32Array[]
    let others: Float32Array[]
    let texts: Float32Array[]
    const photo = () => pick(embedded)
    const text = () => pick(texts)
    let server: TestServer
    let database: Database
    let modelId: ModelId

    beforeAll(async () => {
      server = await start()
      database = await server.freshDatabase()
      modelId = await new PostgresIngestRepository(database).registerModel(aModel({ dimension: DIMENSION }))
      const images = await readMatrix(join(REFERENCE, 'unsplash/clip-vit-b-32-image.npy'))
      embedded = images.slice(0, EMBEDDED)
      others = images.slice(EMBEDDED)
      texts = await readMatrix(join(REFERENCE, 'clip-text/clip-vit-b-32-text.npy'))
      await embedPhotos(
        database,
        modelId,
        embedded.map((_, i) => aPhoto(idOf(i))),
        embedded,
      )
      const table = `embeddings_m${modelId}`
      await database.query(
        `create index ${table}_ivfflat on ${table} using ivfflat ((embedding::halfvec(${DIMENSION})) halfvec_cosine_ops) with (lists = ${LISTS})`,
      )
      await database.query(`analyze ${table}`)
      // Images need few lists; texts need all of them here, so a query taken for a text misses nothing.
      await database.query(
        `insert into search_settings (model_id, query_kind, method, index_name, effort, photos)
         values ($1, 'image', 'ivfflat', $2, 8, $3), ($1, 'text', 'ivfflat', $2, $4, $3)`,
        [modelId, `${table}_ivfflat`, EMBEDDED, LISTS],
      )
    })
    afterAll(() => server?.close())

    const idOf = (i: number) => `photo-${String(i).padStart(3, '0')}`
    /** Share of the vectors that are searched as images. */
    const takenForImages = async (vectors: readonly Float32Array[]): Promise<number> => {
      const [row] = await database.query<{ share: number }>(
        `select count(*) filter (where query_kind($1, v::vector) = 'image')::float8 / count(*) as share
           from unnest($2::text[]) as v`,
        [modelId, vectors.map(toVectorText)],
      )
      return row!.share
    }
    const nearest = (query: Float32Array): string[] =>
      embedded
        .map((vector, i) => ({ id: idOf(i), score: dot(vector, query) }))
        .sort((a, b) => b.score - a.score)
        .slice(0, 10)
        .map(({ id }) => id)
    /** Mean share of the true ten nearest among the hits. */
    const recall = async (queries: readonly Float32Array[], kind: string | null = null): Promise<number> => {
      let found = 0
      for (const query of queries) {
        const hits = await database.query<{ photo_id: string }>(
          'select photo_id from search_photos($1, k => 10, model => $2, kind => $3)',
          [toVectorText(query), String(modelId), kind],
        )
        const truth = nearest(query)
        found += hits.filter(hit => truth.includes(hit.photo_id)).length
      }
      return found / (10 * queries.length)
    }
    const several = (make: () => Float32Array): Float32Array[] => Array.from({ length: QUERIES }, make)

    test('all texts are searched as texts', async () => {
      expect(await takenForImages(texts)).toBe(0)
    })

    test('most photos are searched as images, those of the collection and others', async () => {
      expect(await takenForImages(embedded)).toBeGreaterThan(0.85)
      expect(await takenForImages(others)).toBeGreaterThan(0.8)
    })

    test('means of many photos and combinations with words are searched as texts', async () => {
      expect(await takenForImages(several(() => mean(5)))).toBe(0)
      expect(await takenForImages(several(() => sum([photo(), 1], [text(), 4], [text(), -4])))).toBe(0)
      expect(await takenForImages(several(() => sum([photo(), 1], [photo(), -1])))).toBe(0)
    })

    test.each<[string, () => Float32Array]>([
      ['a text', () => text()],
      ['a photo of the collection', () => photo()],
      ['another photo', () => pick(others)],
      ['the mean of two photos', () => mean(2)],
      ['the mean of three photos', () => mean(3)],
      ['the mean of ten photos', () => mean(10)],
      ['a photo and words', () => sum([photo(), 1], [text(), 1])],
      ['a photo, more words, and others less', () => sum([photo(), 1], [text(), 4], [text(), -4])],
      ['two photos less another', () => sum([photo(), 1], [photo(), 1], [photo(), -1])],
    ])('%s finds its nearest photos', async (_, make) => {
      expect(await recall(several(make))).toBeGreaterThanOrEqual(0.93)
    })

    test('a text that is declared an image misses photos', async () => {
      const asText = await recall(several(text), 'text')
      expect(await recall(several(text), 'image')).toBeLessThan(asText - 0.02)
    })

    test('the region is measured again with every setting, and goes with its model', async () => {
      const regions = () =>
        database.query<{ photos: number; lowest: number; highest: number }>(
          'select photos::integer, lowest, highest from image_regions where model_id = $1',
          [modelId],
        )
      const [region] = await regions()
      expect(region).toMatchObject({ photos: EMBEDDED })
      expect(region!.lowest).toBeLessThan(region!.highest)
      await database.transaction(async session => {
        await session.query('delete from image_regions')
        await session.query('update search_settings set effort = effort')
      })
      expect(await regions()).toEqual([region])
    })
  })
})
