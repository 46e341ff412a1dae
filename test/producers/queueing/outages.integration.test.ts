import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { enqueueLost } from '../../../src/producers/queueing/enqueue.js'
import { followRun } from '../../../src/producers/queueing/follow-run.js'
import type { WaitReason } from '../../../src/producers/queueing/wait-reason.js'
import { hasNativeServer, type OwnPostgres, startPostgres } from '../../support/servers/postgres.js'
import { hasRedis, startRedis, type TestRedis } from '../../support/servers/redis.js'
import { until } from '../../support/until.js'
import { photoIds, RealServices } from './real-services.js'

const PHOTOS = photoIds(160)
/** Small, so that the producer is in the middle until workers come. */
const BOUND = 10

describe.skipIf(!hasRedis() || !hasNativeServer())('a producer', () => {
  let postgres: OwnPostgres
  let redis: TestRedis
  let services: RealServices
  let reasons: WaitReason[]
  let tests = 0
  beforeAll(async () => {
    postgres = await startPostgres()
    redis = await startRedis()
  })
  beforeEach(async () => {
    reasons = []
    services = await RealServices.open(postgres.url, { kind: 'redis', url: redis.url }, `outage-${++tests}`)
    await services.database.query('truncate photos, embeddings, failures, batches, runs cascade')
    return () => services.close()
  })
  afterAll(async () => {
    await redis.stop()
    await postgres.stop()
  })

  const onWait = (reason: WaitReason | null) => {
    if (reason !== null) reasons.push(reason)
  }
  const isTold = (kind: WaitReason['kind']) =>
    until(`it is told: ${kind}`, () => reasons.some(reason => reason.kind === kind))
  const serverOf = (name: string) => (name === 'queue' ? redis : postgres)

  test.each(['queue', 'database'])(
    'goes on when the %s was away in the middle, and so does who follows the run',
    async name => {
      const server = serverOf(name)
      const runId = await services.newRun()
      const producing = services.enqueue(runId, PHOTOS, { maxWaiting: BOUND, onWait })
      const following = followRun(runId, services, { intervalMs: 100 })
      await isTold('queue full')
      await server.kill()
      await isTold('away')
      await server.restart()
      await services.startWorker()
      expect(await producing).toMatchObject({ photos: PHOTOS.length })
      expect(await following).toMatchObject({ photos: PHOTOS.length, done: PHOTOS.length, failed: 0 })
      await until('the queue is empty', () => services.isQueueEmpty())
      expect(await services.embedded()).toBe(PHOTOS.length)
    },
  )

  test.each(['queue', 'database'])('can be stopped while the %s is away', async name => {
    const server = serverOf(name)
    const controller = new AbortController()
    const { signal } = controller
    const producing = services.ingest(PHOTOS, { maxWaiting: BOUND, onWait, signal })
    await isTold('queue full')
    await server.kill()
    await isTold('away')
    controller.abort()
    await expect(producing).rejects.toMatchObject({ code: 'INTERRUPTED' })
    await server.restart()
  })

  test('enqueues again what a queue has lost, while it follows the run', async () => {
    const runId = await services.ingest(PHOTOS)
    const open: string[] = []
    for await (const page of services.runs.openBatches(runId, 100)) open.push(...page)
    await services.queue.remove(open)
    const refill = () => enqueueLost(services, services.options(runId))
    await services.startWorker()
    const following = followRun(runId, services, { intervalMs: 20, onWait, refill })
    expect(await following).toMatchObject({ done: PHOTOS.length })
    expect(reasons).toMatchObject([
      { kind: 'lost', message: expect.stringContaining('40 batches were enqueued again') },
    ])
  })
})
