import type { Logger } from 'pino'
import type { Config } from '../config.js'
import type { Database } from '../db/connection.js'
import type { GcraStore } from '../limits/gcra-store.js'
import type { SharedRateLimiter } from '../limits/shared-rate-limiter.js'

export interface LimiterConnections {
  /** With its schema up to date. */
  database(): Promise<Database>
  logger(): Promise<Logger>
}

/** The rate limits of image hosts, stored where the queue is, so they fail together. HOST_RATE 0: no limits. */
export async function openRateLimiter(
  config: Config,
  connections: LimiterConnections,
): Promise<SharedRateLimiter | undefined> {
  const rate = config.HOST_RATE
  if (rate === 0) return undefined
  const { SharedRateLimiter } = await import('../limits/shared-rate-limiter.js')
  const logger = await connections.logger()
  // An error of a Redis client carries the command that failed, with its arguments.
  const onTrouble = (error: unknown) =>
    logger.warn({ reason: String(error) }, 'the rate limits of image hosts cannot be read; downloads wait')
  return new SharedRateLimiter({ gcra: await openSlotLedger(config, connections), rate, onTrouble })
}

async function openSlotLedger(config: Config, connections: LimiterConnections): Promise<GcraStore> {
  const { REDIS_URL, REDIS_TLS_CA: ca, REDIS_TLS_CERT: cert, REDIS_TLS_KEY: key, QUEUE_NAME } = config
  if (REDIS_URL) {
    const { connectToRedis, tlsOptions } = await import('../queue/redis-connection.js')
    const { parseRedisUrl } = await import('../queue/redis-url.js')
    const { RedisGcraStore } = await import('../limits/redis-gcra-store.js')
    const target = parseRedisUrl(REDIS_URL)
    const client = connectToRedis(target, tlsOptions(target, { ca, cert, key }), { waitsForServer: false })
    return RedisGcraStore.open(client, `{${QUEUE_NAME}}:hosts`)
  }
  const { PostgresGcraStore } = await import('../limits/postgres-gcra-store.js')
  return new PostgresGcraStore(await connections.database())
}
