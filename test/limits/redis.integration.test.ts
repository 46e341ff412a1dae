import { expect, test } from 'vitest'
import { HostPause } from '../../src/domain/ports/rate-limiter.js'
import { hasRedis, redisClient, startRedis } from '../support/servers/redis.js'
import { until } from '../support/until.js'
import { rateLimiterContract } from './contract.js'
import { LEDGER_KINDS, openLimiter } from './gcra-stores.js'

rateLimiterContract(LEDGER_KINDS.find(kind => kind.name === 'Redis')!)

test.skipIf(!hasRedis())('a rate limiter on Redis grants slots and pauses hosts also at maxmemory', async () => {
  const redis = await startRedis()
  const admin = redisClient(redis.url)
  await admin.config('SET', 'maxmemory', '1')
  const { limiter, troubles, close } = await openLimiter({ kind: 'redis', url: redis.url }, 1000)
  const { signal } = new AbortController()
  for (let slot = 0; slot < 50; slot++) await limiter.acquire('example.org', signal)
  await limiter.pause('example.org', 100_000)
  await expect(limiter.acquire('example.org', signal)).rejects.toBeInstanceOf(HostPause)
  await limiter.pause('example.net', 10)
  await until('the pause is over', () =>
    limiter.acquire('example.net', signal).then(
      () => true,
      () => false,
    ),
  )
  expect(troubles).toEqual([])
  await close()
  admin.disconnect()
  await redis.stop()
})
