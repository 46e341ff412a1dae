import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { followRun } from '../../../src/producers/queueing/follow-run.js'
import type { WaitReason } from '../../../src/producers/queueing/wait-reason.js'
import { cancelRun } from '../../../src/producers/runs/cancel-run.js'
import { resumeRun } from '../../../src/producers/runs/resume-run.js'
import { SERVER_KINDS } from '../../queue/backends.js'
import { deferred } from '../../support/deferred.js'
import { serverKinds, type TestServer } from '../../support/servers/postgres.js'
import { until } from '../../support/until.js'
import { photoIds, RealServices } from '../queueing/real-services.js'

const PHOTOS = photoIds(80)

/** The queue on Redis with the database on Postgres, and both on the embedded server. */
const kinds = [
  { queue: 'Redis', database: 'native' },
  { queue: 'embedded Postgres', database: 'embedded' },
].map(names => ({
  ...names,
  queueServer: SERVER_KINDS.find(kind => kind.name === names.queue)!,
  databaseServer: serverKinds().find(kind => kind.kind === names.database)!,
}))

describe.each(kinds)('a run on $queue and the $database database', ({ queue, queueServer, databaseServer }) => {
  describe.skipIf(!queueServer.available() || !databaseServer.available)('', () => {
    let stop: () => Promise<void>
    let database: TestServer
    let services: RealServices
    let tests = 0

    beforeAll(async () => {
      database = await databaseServer.start()
      const redis = queue === 'Redis' ? await queueServer.start() : undefined
      stop = async () => {
        await redis?.stop()
        await database.close()
      }
      openServices = async () => {
        const url = await database.migratedUrl()
        const address = redis?.address ?? ({ kind: 'postgres', url, embedded: true } as const)
        return RealServices.open(url, address, `control-${++tests}`)
      }
    })
    let openServices: () => Promise<RealServices>
    beforeEach(async () => {
      services = await openServices()
      return () => services.close()
    })
    afterAll(() => stop())

    const parked = async (runId: string) => (await services.repository.run(runId))!.parkedBatches
    const follow = (runId: string, asked: string[] = []) => followRun(runId, services, { intervalMs: 50, asked })

    test('hands nothing out while it is paused, goes on when it is resumed, and ends as if nothing had been', async () => {
      const runId = await services.ingest(PHOTOS)
      await services.startWorker({ downloadMs: 20 })
      await services.startWorker({ downloadMs: 20 })
      await until('some photos are embedded', async () => (await services.embedded()) >= 12)
      await services.runs.setControl(runId, 'paused')
      await until('the queue is empty', () => services.isQueueEmpty())
      const embedded = await services.embedded()
      const left = (PHOTOS.length - embedded) / 4
      expect(left).toBeGreaterThan(0)
      expect(await services.repository.run(runId)).toMatchObject({ state: 'paused', parkedBatches: left })

      const other = await services.ingest(photoIds(8, 'other'))
      expect(await follow(other)).toMatchObject({ photos: 8, done: 8 })
      expect(await services.embedded()).toBe(embedded + 8)

      expect(await resumeRun(runId, services)).toEqual({ before: 'paused', batches: left })
      expect(await follow(runId)).toMatchObject({ photos: 80, done: 80, failed: 0 })
      expect(await parked(runId)).toBe(0)
      expect(Math.max(...downloadsByPhoto(services).values())).toBe(1)
    })

    test('is resumed once, however many resume it at once, and again after a resume that was interrupted', async () => {
      const runId = await services.ingest(PHOTOS)
      await services.runs.setControl(runId, 'paused')
      const worker = await services.startWorker()
      await until('everything is parked', async () => (await parked(runId)) === 20)
      await until('the queue is empty', () => services.isQueueEmpty())
      await worker.close()

      const dying = {
        setControl: services.runs.setControl.bind(services.runs),
        parked: services.runs.parked.bind(services.runs),
        unpark: () => Promise.reject(new Error('killed')),
      }
      const interrupted = resumeRun(runId, { queue: services.queue, runs: dying })
      await expect(interrupted).rejects.toThrow('killed')
      expect(await parked(runId)).toBe(20)
      expect(await services.waiting()).toBe(20)

      const resumed = await Promise.all(Array.from({ length: 4 }, () => resumeRun(runId, services)))
      expect(resumed).toEqual(Array.from({ length: 4 }, () => ({ before: 'active', batches: 0 })))
      expect(await parked(runId)).toBe(0)
      expect(await services.waiting()).toBe(20)
      await services.startWorker()
      expect(await follow(runId)).toMatchObject({ done: 80 })
    })

    test('loses no batch that is parked and has not left the queue when it is resumed', async () => {
      const runId = await services.ingest(photoIds(4))
      await services.runs.setControl(runId, 'paused')
      const gate = deferred()
      const deliveries: string[] = []
      await services.consume(async batch => {
        deliveries.push(await services.runs.setAside(batch))
        await gate.promise
      })
      await until('the batch is parked', async () => (await parked(runId)) === 1)
      const held: WaitReason[] = []
      const resuming = resumeRun(runId, services, { onWait: reason => reason && held.push(reason) })
      await until('it is told what is waited for', () => held.some(reason => reason.kind === 'leaving'))
      expect(await services.waiting()).toBe(0)
      gate.resolve()
      expect(await resuming).toEqual({ before: 'paused', batches: 1 })
      await until('it is handed out again', () => deliveries.length === 2)
      expect(deliveries).toEqual(['paused', 'active'])
    })

    test('leaves the queue when it is cancelled, and the same ingest does the rest', async () => {
      const runId = await services.ingest(PHOTOS)
      const other = await services.ingest(photoIds(8, 'other'))
      await services.startWorker({ downloadMs: 20 })
      await until('some photos are embedded', async () => (await services.embedded()) >= 8)
      const { before, batches } = await cancelRun(runId, services)
      expect(before).toBe('active')
      expect(batches).toBeGreaterThan(0)
      expect(await cancelRun(runId, services)).toEqual({ before: 'cancelled', batches: 0 })
      await until('the queue is empty', () => services.isQueueEmpty())
      expect(await follow(other)).toMatchObject({ done: 8 })
      const left = 88 - (await services.embedded())
      expect(left).toBeGreaterThanOrEqual(4 * batches)
      await expect(follow(runId)).rejects.toMatchObject({ code: 'RUN_CANCELLED' })

      const asked: string[] = []
      const again = await services.ingest(PHOTOS, { onBatch: id => asked.push(id) })
      expect(await follow(again, asked)).toMatchObject({ photos: left, done: left, failed: 0 })
      expect(await services.embedded()).toBe(88)
      expect(Math.max(...downloadsByPhoto(services).values())).toBe(1)
    })

    test('does all of it when it is cancelled and ingested again while workers let go of its batches', async () => {
      const cancelled = await services.ingest(PHOTOS)
      await services.runs.setControl(cancelled, 'cancelled')
      await services.startWorker()
      const asked: string[] = []
      const again = await services.ingest(PHOTOS, { onBatch: id => asked.push(id) })
      expect(await follow(again, asked)).toMatchObject({ done: 80 })
      expect(await services.embedded()).toBe(80)
    })

    test('is followed by both of two producers to the end of all its photos', async () => {
      const asked: [string[], string[]] = [[], []]
      const both = asked.map(ids => services.ingest(PHOTOS, { onBatch: id => ids.push(id) }))
      const [first, second] = await Promise.all(both)
      await services.startWorker({ downloadMs: 5 })
      const ended = await Promise.all([follow(first!, asked[0]), follow(second!, asked[1])])
      for (const end of ended) expect(end).toMatchObject({ photos: 80, done: 80, failed: 0 })
      expect(Math.max(...downloadsByPhoto(services).values())).toBe(1)
    })
  })
})

function downloadsByPhoto({ images }: RealServices): Map<string, number> {
  const counts = new Map<string, number>()
  for (const id of images.downloads) counts.set(id, (counts.get(id) ?? 0) + 1)
  return counts
}
