import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { SeenWorker } from '../../../src/domain/ports/run-repository.js'
import { BackPressure } from '../../../src/producers/queueing/back-pressure.js'
import { enqueueFailed, enqueueMissing } from '../../../src/producers/queueing/enqueue.js'
import type { WaitReason } from '../../../src/producers/queueing/wait-reason.js'
import { hasNativeServer, nativeServer, type TestServer } from '../../support/servers/postgres.js'
import { hasRedis, startRedis, type TestRedis } from '../../support/servers/redis.js'
import { until } from '../../support/until.js'
import { photoIds, RealServices } from './real-services.js'

const BOUND = 20
/** Batches that a producer adds at once. */
const ROUND = 8

describe.skipIf(!hasRedis() || !hasNativeServer())('back-pressure', () => {
  let postgres: TestServer
  let redis: TestRedis
  let services: RealServices
  let tests = 0
  beforeAll(async () => {
    postgres = await nativeServer()
    redis = await startRedis()
  })
  beforeEach(async () => {
    const name = `pressure_${++tests}`
    services = await RealServices.open(await postgres.migratedUrl(), { kind: 'redis', url: redis.url }, name)
    return () => services.close()
  })
  afterAll(async () => {
    await redis.stop()
    await postgres.close()
  })

  test('keeps what waits in the queue below the bound and a round, however large the input and slow the workers', async () => {
    const watched = services.watchWaiting()
    const photos = photoIds(1200)
    const kinds = new Set<string>()
    const producing = services.ingest(photos, { maxWaiting: BOUND, onWait: reason => reason && kinds.add(reason.kind) })
    await until('the producer waits', () => kinds.has('queue full'))
    expect(await services.waiting()).toBeGreaterThanOrEqual(BOUND)
    await services.startWorker({ downloadMs: 5 })
    await services.startWorker({ downloadMs: 5 })
    await producing
    await until('everything is embedded', async () => (await services.embedded()) === photos.length)
    const most = await watched()
    expect(most).toBeGreaterThanOrEqual(BOUND)
    expect(most).toBeLessThan(BOUND + ROUND)
  })

  test('holds for several producers, with a round each', async () => {
    const watched = services.watchWaiting()
    await services.startWorker({ downloadMs: 5 })
    const producing = ['a', 'b', 'c'].map(prefix => services.ingest(photoIds(400, prefix), { maxWaiting: BOUND }))
    await Promise.all(producing)
    await until('everything is embedded', async () => (await services.embedded()) === 1200)
    const most = await watched()
    expect(most).toBeGreaterThanOrEqual(BOUND)
    expect(most).toBeLessThan(BOUND + 3 * ROUND)
  })

  test('holds for photos of the database, missing or failed', async () => {
    const photos = photoIds(400)
    const runId = await services.ingest(photos)
    await services.queue.remove(await allOpen(runId))
    const watched = services.watchWaiting()
    await services.startWorker({ downloadMs: 5 })
    const missing = await services.newRun()
    const summary = await enqueueMissing(services, services.options(missing, { maxWaiting: BOUND }))
    expect(summary.enqueuedPhotos).toBe(400)
    await until('everything is embedded', async () => (await services.embedded()) === 400)
    for (const id of photos) services.images.fails(`f${id}`, 'HTTP_404')
    await services.ingest(photoIds(400, 'fphoto'), { maxWaiting: BOUND })
    await until('the others failed', async () => (await services.repository.totals(services.modelId)).failed === 400)
    await enqueueFailed(services, 'HTTP_404', services.options(await services.newRun(), { maxWaiting: BOUND }))
    await until('they are embedded', async () => (await services.embedded()) === 800)
    const most = await watched()
    expect(most).toBeGreaterThanOrEqual(BOUND)
    expect(most).toBeLessThan(BOUND + ROUND)
  })

  test('waits while the run is paused, and ends when it is cancelled', async () => {
    const runId = await services.newRun()
    await services.runs.setControl(runId, 'paused')
    const reasons: (WaitReason | null)[] = []
    const onWait = (reason: WaitReason | null) => void reasons.push(reason)
    const producing = services.enqueue(runId, photoIds(80), { onWait })
    await until('the producer waits', () => reasons.length > 0)
    expect(reasons[0]).toMatchObject({ kind: 'paused', message: expect.stringContaining(`run resume ${runId}`) })
    expect(await services.waiting()).toBe(0)
    await services.runs.setControl(runId, 'active')
    await producing
    expect(reasons.at(-1)).toBeNull()
    expect(await services.waiting()).toBe(20)

    const stopped = services.enqueue(runId, photoIds(80, 'more'), { maxWaiting: BOUND })
    await services.runs.setControl(runId, 'cancelled')
    await expect(stopped).rejects.toMatchObject({ code: 'RUN_CANCELLED' })
  })

  test('can be stopped while the queue is full', async () => {
    const controller = new AbortController()
    const onWait = () => controller.abort()
    const producing = services.ingest(photoIds(400), { maxWaiting: BOUND, onWait, signal: controller.signal })
    await expect(producing).rejects.toMatchObject({ code: 'INTERRUPTED' })
    expect(await services.waiting()).toBeLessThan(BOUND + ROUND)
  })

  test('says after a while that no worker is alive, and what to do', async () => {
    const runId = await services.ingest(photoIds(400))
    const alive: SeenWorker[] = []
    const reasons: (WaitReason | null)[] = []
    const deps = {
      queue: services.queue,
      runs: {
        assertWritable: () => services.runs.assertWritable(),
        controlOfRun: services.runs.controlOfRun.bind(services.runs),
        workers: async () => alive,
      },
    }
    let room: Promise<unknown> | undefined
    const makeRoom = () => {
      room ??= allOpen(runId).then(ids => services.queue.remove(ids))
    }
    const onWait = (reason: WaitReason | null) => {
      reasons.push(reason)
      if (reason?.kind === 'no worker') alive.push({} as SeenWorker)
      else if (reason !== null && alive.length > 0) makeRoom()
    }
    const pressure = new BackPressure(deps, { runId, maxWaiting: BOUND, onWait, pollMs: 10, workersMissedMs: 100 })
    await pressure.admit()
    await room
    const kinds = reasons.map(reason => reason?.kind ?? null)
    expect(kinds.filter((kind, i) => kind !== kinds[i - 1])).toEqual(['queue full', 'no worker', 'queue full', null])
    expect(reasons.find(reason => reason?.kind === 'no worker')?.message).toMatch(
      /100 batches wait \(MAX_WAITING_BATCHES is 20\)\. No worker is alive; start one: unsplash-clip worker/,
    )
  })

  async function allOpen(runId: string): Promise<string[]> {
    const ids: string[] = []
    for await (const page of services.runs.openBatches(runId, 100)) ids.push(...page)
    return ids
  }
})
