import rateLimit from '@fastify/rate-limit'
import { RequestError } from '../../domain/errors.js'
import { SECOND } from '../../domain/units.js'
import { subnetOf } from '../access/attempts.js'
import type { HttpApp } from '../http-app.js'

/** Keys and addresses that are remembered. */
const MAX_CALLERS = 10_000

/** Limits the requests per minute of each key, and of each address without a key. @param perMinute 0: no limit */
export async function addRateLimit(app: HttpApp, perMinute: number): Promise<void> {
  if (perMinute === 0) return
  await app.register(rateLimit, {
    max: perMinute,
    timeWindow: 60 * SECOND,
    cache: MAX_CALLERS,
    hook: 'onRequest',
    keyGenerator: ({ caller, ip }) => (caller.keyId === null ? subnetOf(ip) : `key ${caller.keyId}`),
    // A page is followed by its pictures; probes of orchestrators come from one address.
    allowList: ({ routeOptions }) => routeOptions.config.light === true,
    errorResponseBuilder: (_, { max, ttl }) => {
      const seconds = Math.ceil(ttl / SECOND)
      return new RequestError('RATE_LIMITED', `More than ${max} requests within a minute.`, {
        expected: `at most ${max} requests per minute`,
        action: `Try again after ${seconds} s.`,
        retryAfterSeconds: seconds,
      })
    },
  })
}
