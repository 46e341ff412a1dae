import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '../../../src/db/connection.js'
import { PostgresIngestRepository } from '../../../src/db/ingest/ingest-repository.js'
import { PostgresPromptRepository } from '../../../src/db/search/prompt-repository.js'
import { PostgresSearchRepository } from '../../../src/db/search/search-repository.js'
import type { QueryPart } from '../../../src/domain/ports/prompts.js'
import type { ModelId } from '../../../src/domain/ports/repository.js'
import { cosineSimilarity, normalise } from '../../../src/domain/similarity.js'
import { readMatrix } from '../../../src/models/check/npy.js'
import { randomNumbers } from '../../support/random-numbers.js'
import { serverKinds, type TestServer } from '../../support/servers/postgres.js'
import { hasReference, REFERENCE } from '../../support/servers/requirements.js'
import { aModel, aPhoto, embedPhotos, toHalf } from '../factories.js'
import { combine } from '../stored-prompts.js'

const lines = (path: string): string[] => readFileSync(join(REFERENCE, path), 'utf8').trim().split('\n')
const COMBINATIONS = 20
const K = 10

const reference = hasReference()
describe.each(serverKinds())('combined queries over real CLIP vectors on the $kind server', ({ available, start }) => {
  describe.skipIf(!available || !reference)('', () => {
    let server: TestServer
    let database: Database
    let search: PostgresSearchRepository
    let prompts: PostgresPromptRepository
    let modelId: ModelId
    let photos: Map<string, Float32Array>
    let texts: Map<string, Float32Array>

    beforeAll(async () => {
      server = await start()
      database = await server.freshDatabase()
      search = new PostgresSearchRepository(database)
      prompts = new PostgresPromptRepository(database)
      const images = await readMatrix(join(REFERENCE, 'unsplash/clip-vit-b-32-image.npy'))
      const ids = lines('unsplash/clip-vit-b-32-image.ids.txt')
      photos = new Map(ids.map((id, i) => [id, images[i]!.map(toHalf)]))
      const vectors = await readMatrix(join(REFERENCE, 'clip-text/clip-vit-b-32-text.npy'))
      const wanted = lines('clip-text/clip-vit-b-32-text.prompts.txt').map(
        (prompt, i) => [prompt, vectors[i]!] as const,
      )
      texts = new Map(wanted.slice(0, 100))
      const ingest = new PostgresIngestRepository(database)
      modelId = await ingest.registerModel(aModel({ dimension: 512 }))
      await embedPhotos(
        database,
        modelId,
        ids.map(id => aPhoto(id)),
        images,
      )
      await prompts.save(modelId, [...texts.keys()], [...texts.values()])
    })
    afterAll(() => server?.close())

    /** In double precision throughout. */
    function expectedVector(parts: readonly QueryPart[]): number[] {
      const sum = new Array<number>(512).fill(0)
      for (const part of parts) {
        const vector =
          'photo' in part ? photos.get(part.photo)! : 'prompt' in part ? texts.get(part.prompt)! : part.vector
        const length = Math.hypot(...vector)
        for (const [i, value] of vector.entries()) sum[i]! += (part.weight * value) / length
      }
      return sum
    }

    function someParts(random: () => number): QueryPart[] {
      const pick = <T>(values: readonly T[]): T => values[Math.floor((random() + 0.5) * values.length)]!
      const weight = () => Math.round(100 * random()) / 20 || 1
      return [
        { photo: pick([...photos.keys()]), weight: 1 },
        { prompt: pick([...texts.keys()]), weight: weight() },
        { prompt: pick([...texts.keys()]), weight: weight() },
        ...(random() > 0 ? [{ photo: pick([...photos.keys()]), weight: weight() }] : []),
        ...(random() > 0 ? [{ vector: normalise(pick([...photos.values()])), weight: weight() }] : []),
      ]
    }

    test.each(Array.from({ length: COMBINATIONS }, (_, seed) => seed))(
      'are the weighted sums that plain arithmetic gives, and find the same photos: seed %i',
      async seed => {
        const parts = someParts(randomNumbers(1000 * seed + 1))
        const expected = expectedVector(parts)
        const found = await combine(database, modelId, parts)
        expect(cosineSimilarity(found, expected)).toBeCloseTo(1, 6)
        expect(Math.hypot(...found)).toBeCloseTo(1, 5)
        const hits = await search.search(modelId, found, { k: K })
        expect(await search.searchCombined(modelId, parts, { k: K })).toEqual(hits)
        const scores = [...photos.values()].map(photo => cosineSimilarity(photo, expected)).sort((a, b) => b - a)
        // Scores and not ids: in single precision two photos may change places.
        for (const [i, { score, photoId }] of hits.entries()) {
          expect(score).toBeCloseTo(scores[i]!, 5)
          expect(cosineSimilarity(photos.get(photoId)!, expected)).toBeCloseTo(score, 5)
        }
        expect(hits).toHaveLength(K)
      },
    )
  })
})
