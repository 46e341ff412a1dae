import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../support/servers/free-port.js'
import { startCluster, type TestCluster } from '../support/servers/redis-topologies.js'
import { until } from '../support/until.js'
import type { Command } from './support/command.js'
import { hasServers, Stage } from './support/stage.js'
import { expectNothingLost, expectOrderlyEnd } from './support/verdict.js'

const SECOND = 1000
const PHOTOS = 320
/** Longest time from SIGTERM to the end of a worker, whatever hangs. */
const EXIT_MS = 10 * SECOND

interface Refusal {
  name: string
  settings: Record<string, string>
  begin(admin: Redis): Promise<unknown>
  end(admin: Redis): Promise<unknown>
  producerSays: RegExp
}

const REFUSALS: Refusal[] = [
  {
    name: 'has reached its maxmemory',
    // So that the producer still enqueues.
    settings: { MAX_WAITING_BATCHES: '2' },
    begin: admin => admin.config('SET', 'maxmemory', '1'),
    end: admin => admin.config('SET', 'maxmemory', '0'),
    producerSays: /reached its maxmemory and accepts nothing new .*raise maxmemory/,
  },
  {
    name: 'becomes a replica',
    settings: {},
    begin: async admin => admin.replicaof('127.0.0.1', await freePort()),
    end: admin => admin.replicaof('NO', 'ONE'),
    producerSays: /is a replica, or has become one/,
  },
]

describe.skipIf(!hasServers())('a Redis that', () => {
  let stage: Stage
  let admin: Redis

  beforeAll(async () => {
    stage = await Stage.open()
    admin = new Redis(stage.redis.url)
    await stage.undisturbed(PHOTOS)
    stage.images.delayMs = 100
  })
  afterAll(async () => {
    admin.disconnect()
    await stage.close()
  })

  const start = (settings: Record<string, string> = {}) =>
    stage.pipeline({
      photos: PHOTOS,
      settings: { DOWNLOAD_CONCURRENCY: '4', ...settings },
    })

  async function expectQuickEnd(worker: Command): Promise<void> {
    const startedAt = Date.now()
    const { code, stderr } = await worker.stop()
    expect(Date.now() - startedAt).toBeLessThan(EXIT_MS)
    expect(code).toBe(0)
    expect(stderr).not.toMatch(/batch given up|another try/)
  }

  test.each(REFUSALS)(
    '$name stops nobody for good and counts no attempt; workers end soon',
    {
      timeout: 480 * SECOND,
    },
    async ({ name, settings, begin, end, producerSays }) => {
      const pipeline = await start(settings)
      const crew = pipeline.crew(2)
      const run = await pipeline.ingest()
      await pipeline.reached(PHOTOS * 0.2)
      await begin(admin)
      try {
        await until('the producer says so', () => producerSays.test(run.stderr()), 60 * SECOND)
        if (name.includes('maxmemory')) {
          const starting = pipeline.start(['worker', '--json'])
          await until('it starts all the same', () => starting.stderr().includes('worker started'), 60 * SECOND)
          await expectQuickEnd(starting)
        }
        const startedAt = Date.now()
        for (const code of await crew.stop()) expect(code).toBe(0)
        expect(Date.now() - startedAt).toBeLessThan(EXIT_MS)
      } finally {
        await end(admin)
      }
      const words = crew.words.join('')
      expect(words).not.toMatch(/batch given up|another try/)
      const others = pipeline.crew(2)
      const recoverySeconds = [await pipeline.recovered()]
      await expectOrderlyEnd(pipeline, run, others)
      await expectNothingLost(pipeline, { fault: `Redis ${name}`, events: 1, recoverySeconds })
    },
  )

  test('hangs keeps no worker from ending', { timeout: 480 * SECOND }, async () => {
    const pipeline = await start()
    const worker = pipeline.start(['worker', '--json'])
    const run = await pipeline.ingest()
    await pipeline.reached(PHOTOS * 0.2)
    await admin.client('PAUSE', 20 * SECOND)
    await expectQuickEnd(worker)
    await pause(15 * SECOND)
    const crew = pipeline.crew(2)
    await expectOrderlyEnd(pipeline, run, crew)
    await expectNothingLost(pipeline, { fault: 'Redis hangs', events: 1, recoverySeconds: [] })
  })

  test('is a Cluster without all of its slots keeps no worker from ending', { timeout: 480 * SECOND }, async () => {
    const cluster: TestCluster = await startCluster()
    try {
      const pipeline = await start({ REDIS_URL: cluster.url })
      const worker = pipeline.start(['worker', '--json'])
      const run = await pipeline.ingest()
      await pipeline.reached(PHOTOS * 0.2)
      await cluster.masters[0]!.kill()
      await until('the cluster is down, or the queue gone', () => /is away/.test(worker.stderr()), 60 * SECOND)
      await expectQuickEnd(worker)
      await run.kill()
    } finally {
      await cluster.stop()
    }
  })
})
