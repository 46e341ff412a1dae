import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { type Handle, RetryLaterError } from '../../src/domain/ports/queue.js'
import { hasOwnServer, startPostgres } from '../support/servers/postgres.js'
import { hasRedis, redisClient, startRedis } from '../support/servers/redis.js'
import { until } from '../support/until.js'
import { type Address, openQueue } from './backends.js'
import { aBatch } from './batches.js'

/** More than this many events of a queue are cut off, a few hundred late. */
const MOST_EVENTS = 1000

describe('what a queue leaves behind once its batches are done', () => {
  test.skipIf(!hasRedis())(
    'on Redis is a handful of keys, however many the batches were',
    async () => {
      const redis = await startRedis()
      const client = redisClient(redis.url)
      const keysAfter = async (batches: number) => {
        await workThrough({ kind: 'redis', url: redis.url }, batches)
        return (await client.keys('*')).toSorted()
      }
      const few = await keysAfter(20)
      // `stalled-check` comes and goes with the checks of consumers; the marker wakes the next one.
      const FIXED = ['events', 'id', 'marker', 'meta', 'pc', 'stalled', 'stalled-check'].map(key => `bull:jobs:${key}`)
      expect(FIXED).toEqual(expect.arrayContaining(few))
      const many = await keysAfter(800)
      expect(FIXED).toEqual(expect.arrayContaining(many))
      expect(await client.xlen('bull:jobs:events')).toBeLessThan(MOST_EVENTS)
      client.disconnect()
      await redis.stop()
    },
    120_000,
  )

  test.skipIf(!hasOwnServer())(
    'on Postgres is no job and a bounded number of events',
    async () => {
      const server = await startPostgres()
      const client = new pg.Client({ connectionString: server.url })
      await client.connect()
      await workThrough({ kind: 'postgres', url: server.url, embedded: false }, 600)
      const { rows } = await client.query(
        'select (select count(*)::int from bullmq.job) as jobs, (select count(*)::int from bullmq.event) as events',
      )
      expect(rows[0].jobs).toBe(0)
      expect(rows[0].events).toBeLessThan(MOST_EVENTS)
      await client.end()
      await server.stop()
    },
    120_000,
  )
})

/** Of every kind: of each priority, delayed, rejected once, deferred once, failed and then removed, removed unseen. */
async function workThrough(address: Address, count: number): Promise<void> {
  const queue = await openQueue(address, { name: 'jobs', attempts: 2, backoffMs: 20 })
  const batches = Array.from({ length: count }, (_, i) =>
    aBatch({ priority: (['high', 'normal', 'low'] as const)[i % 3]! }),
  )
  const kinds = new Map(batches.map(({ id }, i) => [id, i % 10]))
  const [now, later] = [batches.slice(0, count / 2), batches.slice(count / 2)]
  await queue.add(now)
  await queue.add(later, { delayMs: 100 })
  const unseen = batches.filter((_, i) => i % 10 === 4).map(({ id }) => id)
  expect(await queue.remove(unseen)).toHaveLength(unseen.length)

  const seen = new Set<string>()
  const handle: Handle = async ({ id }) => {
    const isFirst = !seen.has(id)
    seen.add(id)
    if (kinds.get(id) === 1 && isFirst) throw new Error('not yet')
    if (kinds.get(id) === 2 && isFirst) throw new RetryLaterError(50)
    if (kinds.get(id) === 3) throw new Error('out of order')
  }
  const consumer = await queue.consume(handle, { concurrency: 16, lockMs: 30_000, onError: () => {} })
  await until('only what has failed is left', async () => {
    const { waiting, active, delayed, failed } = await queue.counts()
    return waiting + active + delayed === 0 && failed === count / 10
  })
  await queue.remove(batches.filter((_, i) => i % 10 === 3).map(({ id }) => id))
  await consumer.close()
  await queue.close()
}
