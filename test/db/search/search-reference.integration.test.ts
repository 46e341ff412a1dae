import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PostgresIngestRepository } from '../../../src/db/ingest/ingest-repository.js'
import { PostgresSearchRepository } from '../../../src/db/search/search-repository.js'
import type { ModelId } from '../../../src/domain/ports/repository.js'
import type { Hit, SearchOptions } from '../../../src/domain/ports/search.js'
import { cosineSimilarity } from '../../../src/domain/similarity.js'
import { readMatrix } from '../../../src/models/check/npy.js'
import { serverKinds, type TestServer } from '../../support/servers/postgres.js'
import { hasReference, REFERENCE } from '../../support/servers/requirements.js'
import { aModel, aPhoto, embedPhotos } from '../factories.js'

const lines = (path: string): string[] => readFileSync(join(REFERENCE, path), 'utf8').trim().split('\n')
const NOUNS = ['dog', 'cat', 'boat', 'bicycle', 'bird', 'horse', 'lamp', 'person', 'book', 'chair']

const kinds = serverKinds()
const reference = hasReference()
describe.each(kinds)('search over the real CLIP vectors of 700 photos on the $kind server', ({ available, start }) => {
  describe.skipIf(!available || !reference)('', () => {
    let server: TestServer
    let search: PostgresSearchRepository
    let modelId: ModelId
    let images: { id: string; embedding: Float32Array }[]
    let texts: Map<string, Float32Array>

    beforeAll(async () => {
      server = await start()
      const database = await server.freshDatabase()
      search = new PostgresSearchRepository(database)
      const embeddings = await readMatrix(join(REFERENCE, 'unsplash/clip-vit-b-32-image.npy'))
      images = lines('unsplash/clip-vit-b-32-image.ids.txt').map((id, i) => ({ id, embedding: embeddings[i]! }))
      const prompts = await readMatrix(join(REFERENCE, 'clip-text/clip-vit-b-32-text.npy'))
      texts = new Map(lines('clip-text/clip-vit-b-32-text.prompts.txt').map((prompt, i) => [prompt, prompts[i]!]))
      modelId = await new PostgresIngestRepository(database).registerModel(aModel({ dimension: 512 }))
      await embedPhotos(
        database,
        modelId,
        images.map(({ id }) => aPhoto(id)),
        images.map(({ embedding }) => embedding),
      )
    })
    afterAll(() => server?.close())

    const exact = (query: Float32Array, k: number) =>
      images
        .map(({ id, embedding }) => ({ id, score: cosineSimilarity(embedding, query) }))
        .sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1))
        .slice(0, k)

    test.each(NOUNS)(
      'finds the ten photos nearest to "a %s" that an exact computation finds, in its order',
      async noun => {
        const query = texts.get(`a ${noun}`)!
        const hits = await search.search(modelId, query, { k: 10 })
        const expected = exact(query, 10)
        expect(hits.map(hit => hit.photoId)).toEqual(expected.map(hit => hit.id))
        for (const [i, hit] of hits.entries()) expect(hit.score).toBeCloseTo(expected[i]!.score, 5)
      },
    )

    /** Sums of single precision may differ by this from those of double precision, and swap hits that lie closer. */
    const ROUNDING = 2e-6

    /** Each hit has its own score, and at each place stands one with the score that belongs there. */
    function expectExactly(hits: readonly Hit[], expected: readonly { id: string; score: number }[]): void {
      expect(hits).toHaveLength(expected.length)
      expect(new Set(hits.map(hit => hit.photoId)).size).toBe(hits.length)
      const scores = new Map(expected.map(({ id, score }) => [id, score]))
      for (const [i, { photoId, score }] of hits.entries()) {
        expect(Math.abs(score - expected[i]!.score)).toBeLessThan(ROUNDING)
        const own = scores.get(photoId)
        // What lies on the edge of a page may be on the other side of it.
        if (own !== undefined) expect(Math.abs(score - own)).toBeLessThan(ROUNDING)
      }
      for (const [i, { photoId, score }] of hits.slice(1).entries())
        expect(score < hits[i]!.score || (score === hits[i]!.score && photoId > hits[i]!.photoId)).toBe(true)
    }

    test('finds what an exact computation finds for any text or image, k, offset, least score and list of photos', async () => {
      const queries = fc.oneof(
        fc.constantFrom(...texts.values()),
        fc.constantFrom(...images.map(({ embedding }) => embedding)),
        fc
          .tuple(
            fc.constantFrom(...texts.values()),
            fc.constantFrom(...images),
            fc.double({ min: -1, max: 1, noNaN: true }),
          )
          .map(([text, { embedding }, weight]) => text.map((value, i) => value + weight * embedding[i]!)),
      )
      await fc.assert(
        fc.asyncProperty(
          queries,
          fc.integer({ min: 1, max: 800 }),
          fc.constantFrom(0, 0, 1, 10, 690, 5000),
          fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
          fc.option(fc.integer({ min: 0, max: 700 }), { nil: undefined }),
          fc.constantFrom('text' as const, 'image' as const),
          async (query, k, offset, quantile, listed, kind) => {
            const photos = images.slice(0, listed).map(({ id }) => id)
            const all = exact(query, images.length).filter(({ id }) => photos.includes(id))
            // Between two scores, so that rounding does not decide.
            const edge = quantile === undefined ? undefined : Math.floor(quantile * (all.length - 1))
            const [above, below] = edge === undefined ? [] : [all[edge]?.score, all[edge + 1]?.score]
            const clear = above !== undefined && below !== undefined && above - below > 3 * ROUNDING
            const options: SearchOptions = { k, offset, kind }
            if (listed !== undefined) options.where = [{ photos }]
            if (clear) options.minScore = (above + below) / 2
            const hits = await search.search(modelId, query, options)
            expectExactly(hits, all.slice(0, clear ? edge! + 1 : all.length).slice(offset, offset + k))
          },
        ),
        { numRuns: 60 },
      )
    })

    test('gives pages, each going on after the last hit, that together are the whole answer', async () => {
      const query = texts.get('a boat')!
      const whole = await search.search(modelId, query, { k: 1000 })
      expect(whole).toHaveLength(images.length)
      const pages: Hit[] = []
      for (let last: Hit | undefined; pages.length < whole.length; last = pages.at(-1))
        pages.push(
          ...(await search.search(modelId, query, {
            k: 90,
            ...(last && { after: { score: last.score, photoId: last.photoId } }),
          })),
        )
      expect(pages).toEqual(whole)
      const { score, photoId } = whole.at(-1)!
      expect(await search.search(modelId, query, { k: 1, after: { score, photoId } })).toEqual([])
    })

    test('does not depend on the length of the query', async () => {
      const query = texts.get('a dog')!
      const ids = async (vector: Float32Array) =>
        (await search.search(modelId, vector, { k: 50 })).map(hit => hit.photoId)
      expect(await ids(query.map(value => value * 37))).toEqual(await ids(query))
    })

    test('finds the known neighbours of the dog in the snow', async () => {
      const hits = await search.similar(modelId, 'vDX1H7HPyus', { k: 5 })
      const { embedding } = images.find(({ id }) => id === 'vDX1H7HPyus')!
      expect(hits.map(hit => hit.photoId)).toEqual(
        exact(embedding, 6)
          .slice(1)
          .map(hit => hit.id),
      )
    })
  })
})
