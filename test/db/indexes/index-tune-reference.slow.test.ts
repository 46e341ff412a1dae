import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Database, openDatabase } from '../../../src/db/connection.js'
import { PostgresIndexRepository } from '../../../src/db/indexes/index-repository.js'
import { PostgresIngestRepository } from '../../../src/db/ingest/ingest-repository.js'
import { imageQueries } from '../../../src/domain/indexes/image-queries.js'
import { tuneSearch } from '../../../src/domain/indexes/index-tuning.js'
import { meanShare, recallOf } from '../../../src/domain/indexes/recall.js'
import type { ModelId } from '../../../src/domain/ports/repository.js'
import { cosineSimilarity } from '../../../src/domain/similarity.js'
import { MEBIBYTE } from '../../../src/domain/units.js'
import { readMatrix } from '../../../src/models/check/npy.js'
import { serverKinds, type TestServer } from '../../support/servers/postgres.js'
import { hasReference, REFERENCE } from '../../support/servers/requirements.js'
import { aModel, aPhoto, embedPhotos } from '../factories.js'

const COLLECTION = 500
const K = 10
const WANTED = 0.99

const kinds = serverKinds()
const reference = hasReference()
describe.each(kinds)('an index tuned on 500 real photos, on the $kind server', ({ available, start }) => {
  describe.skipIf(!available || !reference)('', () => {
    let server: TestServer
    let database: Database
    let indexes: PostgresIndexRepository
    let modelId: ModelId
    let inside: Float32Array[]
    let outside: Float32Array[]
    beforeAll(async () => {
      server = await start()
      database = await server.freshDatabase()
      const url = database.pool.options.connectionString!
      indexes = new PostgresIndexRepository(database, () => openDatabase({ url, maxConnections: 1 }))
      const photos = await readMatrix(join(REFERENCE, 'unsplash/clip-vit-b-32-image.npy'))
      inside = photos.slice(0, COLLECTION)
      outside = photos.slice(COLLECTION)
      modelId = await new PostgresIngestRepository(database).registerModel(aModel({ dimension: 512 }))
      const rows = inside.map((_, i) => aPhoto(`photo-${i}`))
      await embedPhotos(database, modelId, rows, inside)
      await indexes.build(
        modelId,
        { kind: 'ivfflat', lists: 80 },
        { memory: 64 * MEBIBYTE, workers: 0 },
        { rebuild: false, onEvent: () => undefined, signal: new AbortController().signal },
      )
    })
    afterAll(() => server?.close())

    test('finds what was asked for with the other 200 photos as queries', async () => {
      const groups = imageQueries(await indexes.samplePhotos(modelId, 100, 1))
      const { chosen } = await tuneSearch(
        await indexes.indexes(modelId),
        WANTED,
        setting => indexes.measure(modelId, 'image', setting, groups.flat(), K),
        { isForced: true, groups: groups.map(group => group.length) },
      )
      const answers = await indexes.measure(
        modelId,
        'image',
        chosen.setting,
        outside.map(vector => ({ vector })),
        K,
      )
      const recalls = answers.map(({ hits }, i) => {
        const scores = inside.map(photo => ({ score: cosineSimilarity(photo, outside[i]!) }))
        return recallOf(hits, scores.sort((a, b) => b.score - a.score).slice(0, K))
      })
      expect(chosen.setting.method).toBe('ivfflat')
      // Within the 95 % interval of 200 queries.
      expect(meanShare(recalls).high).toBeGreaterThanOrEqual(WANTED)
    })
  })
})
