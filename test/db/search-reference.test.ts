import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PostgresIngestRepository } from '../../src/db/ingest-repository.js'
import { PostgresSearchRepository } from '../../src/db/search-repository.js'
import type { ModelId } from '../../src/domain/ports/repository.js'
import { cosineSimilarity } from '../../src/domain/similarity.js'
import { serverKinds, type TestServer } from '../support/postgres.js'
import { hasReference, REFERENCE } from '../support/requirements.js'
import { aModel, aPhoto, embedPhotos } from './factories.js'
import { readHalfMatrix } from './npy.js'

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
      const embeddings = readHalfMatrix(join(REFERENCE, 'unsplash/clip-vit-b-32-image.npy'))
      images = lines('unsplash/clip-vit-b-32-image.ids.txt').map((id, i) => ({ id, embedding: embeddings[i]! }))
      const prompts = readHalfMatrix(join(REFERENCE, 'clip-text/clip-vit-b-32-text.npy'))
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

    it.each(NOUNS)(
      'finds the ten photos nearest to "a %s" that an exact computation finds, in its order',
      async noun => {
        const query = texts.get(`a ${noun}`)!
        const hits = await search.search(modelId, query, { k: 10 })
        const expected = exact(query, 10)
        expect(hits.map(hit => hit.photoId)).toEqual(expected.map(hit => hit.id))
        for (const [i, hit] of hits.entries()) expect(hit.score).toBeCloseTo(expected[i]!.score, 5)
      },
    )

    it('does not depend on the length of the query', async () => {
      const query = texts.get('a dog')!
      const ids = async (vector: Float32Array) =>
        (await search.search(modelId, vector, { k: 50 })).map(hit => hit.photoId)
      expect(await ids(query.map(value => value * 37))).toEqual(await ids(query))
    })

    it('finds the known neighbours of the dog in the snow', async () => {
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
