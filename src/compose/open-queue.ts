import type { Telemetry } from 'bullmq'
import type { Logger } from 'pino'
import type { Config } from '../config.js'
import type { Queue } from '../domain/ports/queue.js'

/** What the queue needs beside the settings. */
export interface QueueConnections {
  databaseUrl(): Promise<string>
  logger(): Promise<Logger>
  /** Receives the spans of batches; undefined: nothing does. */
  telemetry?: Telemetry
}

/** The queue on Redis when REDIS_URL names one, else on the database. */
export async function openQueue(config: Config, connections: QueueConnections): Promise<Queue> {
  const { REDIS_URL, REDIS_TLS_CA: ca, REDIS_TLS_CERT: cert, REDIS_TLS_KEY: key, QUEUE_NAME } = config
  const { telemetry } = connections
  if (REDIS_URL) {
    const { openRedisQueue } = await import('../queue/redis-backend.js')
    const logger = await connections.logger()
    const onWarning = (message: string) => logger.warn(message)
    return openRedisQueue({ url: REDIS_URL, tls: { ca, cert, key }, name: QUEUE_NAME, telemetry, onWarning })
  }
  const { openPostgresQueue } = await import('../queue/postgres-backend.js')
  const embedded = config.DATABASE_URL === undefined
  return openPostgresQueue({ url: await connections.databaseUrl(), embedded, name: QUEUE_NAME, telemetry })
}
