import { type ConnectionOptions, createRedisBackend, type IQueueBackend, type RedisQueueBackend } from 'bullmq'
import { Redis } from 'ioredis'
import { type QueueBackend, unreachable } from './backend.js'
import { BullmqQueue, type QueueOptions } from './bullmq-queue.js'

const SECOND = 1000
const CONNECT_TIMEOUT_MS = 5 * SECOND

const WHAT_TO_DO = 'Start Redis or Valkey there, correct REDIS_URL, or unset it to keep the queue in Postgres.'

export interface RedisQueueOptions extends QueueOptions {
  /** `redis://` or `rediss://`, may hold user, password and the number of a database. */
  url: string
}

/**
 * Opens the queue on Redis or Valkey. Adding gives up after three tries to connect; consuming waits for the server.
 * Rejects with AppError QUEUE_UNREACHABLE.
 */
export async function openRedisQueue({ url, ...options }: RedisQueueOptions): Promise<BullmqQueue> {
  const location = withoutCredentials(url)
  await probe(url, location)
  return BullmqQueue.open(new RedisBackend(url, location), options)
}

class RedisBackend implements QueueBackend {
  /** Redis wakes an idle worker by itself; the poll is for jobs of workers that died. */
  readonly pollMs = 5 * SECOND

  constructor(
    private readonly url: string,
    readonly location: string,
  ) {}

  readonly factory: QueueBackend['factory'] = (name, options, factoryOptions) => {
    const consuming = factoryOptions?.withBlockingConnection ?? false
    const connection: ConnectionOptions = {
      url: this.url,
      connectTimeout: CONNECT_TIMEOUT_MS,
      retryStrategy: times => Math.min(times * 100, 2 * SECOND),
      maxRetriesPerRequest: consuming ? null : 2,
    }
    return createRedisBackend(name, { ...options, connection }, factoryOptions)
  }

  async warmUp(): Promise<void> {
    // BullMQ opens its connections at the start and keeps them.
  }

  isUnreachable(error: unknown): boolean {
    if (!(error instanceof Error)) return false
    const { code } = error as NodeJS.ErrnoException
    return (
      error.name === 'MaxRetriesPerRequestError' ||
      /Connection is closed|Stream isn't writeable/.test(error.message) ||
      (code !== undefined && /^E[A-Z_]+$/.test(code))
    )
  }

  drop(bull: IQueueBackend): void {
    const { client, blockingClient } = bull as RedisQueueBackend
    for (const opened of [client, blockingClient]) opened?.then(c => c.disconnect()).catch(() => {})
    // Ends a connection that was never made, too.
    bull.close(true).catch(() => {})
  }

  async close(): Promise<void> {
    // BullMQ opened the connections and closes them.
  }
}

/** One connection and one command, so that a wrong address or password is told before anything waits for it. */
async function probe(url: string, location: string): Promise<void> {
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: CONNECT_TIMEOUT_MS,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
  })
  let cause: unknown
  client.on('error', error => {
    cause = error
  })
  try {
    await client.connect()
    await client.ping()
  } catch (error) {
    throw unreachable(location, WHAT_TO_DO, cause ?? error)
  } finally {
    client.disconnect()
  }
}

function withoutCredentials(url: string): string {
  const { protocol, hostname, port, pathname } = new URL(url)
  return `${protocol}//${hostname}:${port || '6379'}${pathname === '/' ? '' : pathname}`
}
