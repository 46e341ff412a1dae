import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { photoIds, RealServices } from '../../producers/queueing/real-services.js'
import { startTypeScript } from '../../queue/backends.js'
import { Sandbox } from '../../support/cli.js'
import { hasNativeServer, nativeServer, type TestServer } from '../../support/servers/postgres.js'
import { hasRedis, startRedis, type TestRedis } from '../../support/servers/redis.js'
import { until } from '../../support/until.js'

const WORKERS = 4
/** Of a worker: two batches of four photos. */
const MOST_IN_HAND = 8
const GONE = 5
const PHOTOS = [...photoIds(400), ...Array.from({ length: GONE }, (_, i) => `${i}-gone`)]

interface Status {
  embedded: number
  failed: number
  queue: { waiting: number; active: number; delayed: number; failed: number }
  workers: { alive: number; photosPerSecond: number; inFlight: number; workers: { embedded: number }[] }
  runs: (Record<'photos' | 'done' | 'failed' | 'left' | 'inFlight' | 'waiting' | 'photosPerSecond', number> & {
    state: string
    etaSeconds: number | null
  })[]
}

describe.skipIf(!hasRedis() || !hasNativeServer())('status', () => {
  let postgres: TestServer
  let redis: TestRedis
  let services: RealServices
  let sandbox: Sandbox
  let databaseUrl: string
  beforeAll(async () => {
    postgres = await nativeServer()
    redis = await startRedis()
    databaseUrl = await postgres.migratedUrl()
    services = await RealServices.open(databaseUrl, { kind: 'redis', url: redis.url }, 'status')
    sandbox = await Sandbox.create({ DATABASE_URL: databaseUrl, REDIS_URL: redis.url, QUEUE_NAME: 'status' })
  })
  afterAll(async () => {
    await services.close()
    await redis.stop()
    await postgres.close()
    await sandbox.close()
  })

  const status = async () => (await sandbox.run('status', '--json')).objects()[0] as unknown as Status
  const rows = () => services.repository.totals(services.modelId)

  test('tells the truth while several workers work, and when they are through', { timeout: 360_000 }, async () => {
    const runId = await services.ingest(PHOTOS)
    const address = { kind: 'redis', url: redis.url } as const
    const options = { address, databaseUrl, queueName: 'status', lockMs: 10_000, downloadMs: 400 }
    const started = Array.from({ length: WORKERS }, () =>
      startTypeScript('../workers/worker-process.ts', 'workForever', options),
    )
    const children = (await Promise.all(started)).map(({ child }) => child)
    const isAtWork = async () => {
      const alive = await services.runs.workers()
      return alive.length === WORKERS && alive.every(worker => worker.embedded > 0)
    }
    await until('all are at work', isAtWork)

    let looks = 0
    while ((await rows()).embedded < 200 || looks === 0) {
      const before = await rows()
      const seen = await status()
      const after = await rows()
      looks++
      const [run] = seen.runs
      expect(seen.embedded).toBeGreaterThanOrEqual(before.embedded)
      expect(seen.embedded).toBeLessThanOrEqual(after.embedded)
      expect(run!.done).toBeGreaterThanOrEqual(before.embedded)
      expect(run!.done).toBeLessThanOrEqual(after.embedded)
      expect(run!.photos).toBe(PHOTOS.length)
      expect(run!.done + run!.failed + run!.left).toBe(PHOTOS.length)
      expect(run!.inFlight + run!.waiting).toBe(run!.left)
      expect(run!.photosPerSecond).toBeGreaterThan(0)
      expect(run!.etaSeconds).toBeCloseTo(run!.left / run!.photosPerSecond, 3)
      expect(seen.workers.alive).toBe(WORKERS)
      expect(seen.workers.inFlight).toBeGreaterThan(0)
      expect(seen.workers.inFlight).toBeLessThanOrEqual(WORKERS * MOST_IN_HAND)
      expect(seen.workers.photosPerSecond).toBeGreaterThan(0)
      const { waiting, active, delayed } = seen.queue
      expect(4 * (waiting + active + delayed)).toBeGreaterThanOrEqual(PHOTOS.length - after.embedded - after.failed)
    }
    const text = (await sandbox.run('status')).stdout
    expect(text).toMatch(/^Workers {5}4 alive, \d+\.\d\/s, \d+ photos in flight, test@fp32$/m)

    await until('the run is done', async () => (await services.repository.run(runId))!.state === 'done')
    await until('the workers have said so', async () => {
      const alive = await services.runs.workers()
      return alive.reduce((sum, worker) => sum + worker.embedded + worker.failed, 0) === PHOTOS.length
    })
    const end = await status()
    expect(end).toMatchObject({ embedded: 400, failed: GONE, queue: { waiting: 0, active: 0, delayed: 0, failed: 0 } })
    expect(end.runs[0]).toMatchObject({ state: 'done', done: 400, failed: GONE, left: 0, inFlight: 0, waiting: 0 })
    expect(end.workers.inFlight).toBe(0)
    const shown = await sandbox.run('run', 'show', '--json')
    expect(shown.code).toBe(3)
    expect(shown.objects()[0]).toMatchObject({ failures: [{ code: 'HTTP_404', photos: GONE }] })

    for (const child of children) child.kill('SIGKILL')
    await Promise.all(children.map(child => child.exitCode ?? child.signalCode ?? once(child, 'exit')))
  })

  test('says why batches were given up and what to do', async () => {
    const runId = await services.ingest(photoIds(8, 'hopeless'))
    const open: string[] = []
    for await (const page of services.runs.openBatches(runId, 10)) open.push(...page)
    await services.queue.remove(open)
    for (const id of open) await services.runs.giveUp(id, 'MODEL_NOT_FOUND', 'no files of test@fp32 in /models')
    const { stdout } = await sandbox.run('status')
    expect(stdout).toMatch(/MODEL_NOT_FOUND +2 +8 +no files of test@fp32 in \/models/)
    expect(stdout).toContain('set MODEL_SOURCE')
    expect(stdout).toContain('Then enqueue them again: npx unsplash-clip ingest --only-missing')
    const shown = (await sandbox.run('run', 'show', '--json')).objects()[0]
    expect(shown).toMatchObject({ id: runId, givenUpPhotos: 8, waiting: 0, givenUp: [{ batches: 2, photos: 8 }] })
  })

  test('says that the queue has lost photos, and what to do', async () => {
    const runId = await services.ingest(photoIds(8, 'lost'))
    expect(await status()).toMatchObject({ lostPhotos: 0 })
    const open: string[] = []
    for await (const page of services.runs.openBatches(runId, 10)) open.push(...page)
    await services.queue.remove(open)
    expect(await status()).toMatchObject({ lostPhotos: 8 })
    expect((await sandbox.run('status')).stdout).toContain(
      `The queue is empty, but 8 photos of run ${runId} unsettled: it has lost them. Enqueue them again: npx unsplash-clip ingest --only-missing`,
    )
  })
})
