import { pino } from 'pino'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { Database } from '../../../src/db/connection.js'
import type { PostgresIngestRepository } from '../../../src/db/ingest/ingest-repository.js'
import { PostgresLabelRepository } from '../../../src/db/label-repository.js'
import type { LabelSet } from '../../../src/domain/labels.js'
import type { ModelId } from '../../../src/domain/ports/repository.js'
import { CircuitBreaker } from '../../../src/workers/delivery/circuit-breaker.js'
import { LabelPromptCache } from '../../../src/workers/stages/label.js'
import { createLimits } from '../../../src/workers/stages/prepare.js'
import { processBatch } from '../../../src/workers/stages/process-batch.js'
import { StageClock } from '../../../src/workers/stages/stage-clock.js'
import { aModel, aPhoto } from '../../db/factories.js'
import { freshDatabases } from '../../db/fresh-databases.js'
import { aBatch } from '../../queue/batches.js'
import { NO_PLACES } from '../../support/no-places.js'
import { serverKinds } from '../../support/servers/postgres.js'
import { ALL_WELL, FakeEncoder, FakeImages, FakeQueue, FakeRuns } from '../fakes.js'

const SET: LabelSet = { name: 'season', template: 'A photo taken in {label}', labels: ['spring', 'autumn'] }

describe.each(serverKinds())('labels of a batch on the $kind server', ({ available, start }) => {
  describe.skipIf(!available)('', () => {
    let database: Database
    let ingest: PostgresIngestRepository
    const fresh = freshDatabases(start)
    beforeEach(async () => {
      ;({ database, ingest } = await fresh())
    })

    test('a worker stores a set again that was removed since its last batch', async () => {
      const encoder = new FakeEncoder([])
      const modelId: ModelId = await ingest.registerModel(aModel({ name: 'fake', dimension: 3 }))
      const labels = new PostgresLabelRepository(database)
      const breaker = new CircuitBreaker(ALL_WELL, pino({ level: 'silent' }))
      onTestFinished(() => breaker.close())
      const deps = {
        repository: ingest,
        places: NO_PLACES,
        queue: new FakeQueue(),
        labelPrompts: new LabelPromptCache({ labels, runs: new FakeRuns(), labelSets: new Map([[SET.name, SET]]) }),
        pipeline: new FakeImages([]),
        limits: createLimits({ downloadConcurrency: 4, decodeConcurrency: 2 }),
        retry: { maxAttempts: 3, baseMs: 1000 },
        breaker,
        clock: new StageClock(),
        logger: pino({ level: 'silent' }),
      }
      const never = new AbortController().signal
      const embed = async (id: string) => {
        await ingest.upsertPhotos([aPhoto(id)])
        const batch = aBatch({ photos: [{ id, url: aPhoto(id).photo_image_url }], labelSets: [SET.name] })
        return processBatch(batch, { encoder, modelId }, deps, { stop: never, leave: never })
      }
      await embed('a')
      await labels.removeSet(modelId, SET.name)
      expect(await embed('b')).toMatchObject({ embedded: 1 })
      expect(await labels.histogram(modelId, SET.name)).toContainEqual({ label: 'spring', photos: 1 })
    })
  })
})
