import type { ConnectionOptions as TlsOptions } from 'node:tls'
import { type ConnectionOptions, createRedisBackend, type IQueueBackend, type RedisQueueBackend } from 'bullmq'
import type { Cluster } from 'ioredis'
import { type QueueBackend, unreachable } from './backend.js'
import { within } from './bullmq-consumer.js'
import { BullmqQueue, type QueueOptions } from './bullmq-queue.js'
import { connectToRedis, type RedisTlsFiles, redisOptions, tlsOptions } from './redis-connection.js'
import { removeIdle } from './redis-remove.js'
import { parseRedisUrl, type RedisTarget } from './redis-url.js'

const SECOND = 1000

/** A cluster tells which nodes it has, one by one, before anything can be asked. */
const PROBE_MS = 15 * SECOND

const WHAT_TO_DO = 'Start Redis or Valkey there, correct REDIS_URL, or unset it to keep the queue in Postgres.'

export interface RedisQueueOptions extends QueueOptions {
  /** As `parseRedisUrl` reads it. */
  url: string
  tls?: RedisTlsFiles
  /** Told what works but will lose batches. */
  onWarning?: (message: string) => void
}

/**
 * Opens the queue on Redis or Valkey. Adding gives up after three tries to connect; consuming waits for the server.
 * Rejects with AppError QUEUE_UNREACHABLE, or CONFIG_INVALID when a TLS file cannot be read.
 */
export async function openRedisQueue({
  url,
  tls: files = {},
  onWarning,
  ...options
}: RedisQueueOptions): Promise<BullmqQueue> {
  const target = parseRedisUrl(url)
  const tls = tlsOptions(target, files)
  const evictionPolicy = await probe(target, tls)
  if (evictionPolicy !== undefined && evictionPolicy !== 'noeviction')
    onWarning?.(evictionWarning(target, evictionPolicy))
  return BullmqQueue.open(new RedisBackend(target, tls, options.name), options)
}

class RedisBackend implements QueueBackend {
  /** Redis wakes an idle worker by itself; the poll is for jobs of workers that died. */
  readonly pollMs = 5 * SECOND
  readonly location: string
  /** BullMQ closes the connections that it makes, but makes none to a cluster. */
  readonly #clusters = new Map<IQueueBackend, Cluster>()

  constructor(
    private readonly target: RedisTarget,
    private readonly tls: TlsOptions | undefined,
    private readonly queueName: string,
  ) {
    this.location = target.location
  }

  readonly factory: QueueBackend['factory'] = (name, options, factoryOptions) => {
    const manners = { isPatient: factoryOptions?.withBlockingConnection ?? false }
    if (this.target.topology !== 'cluster') {
      const connection = redisOptions(this.target, this.tls, manners) as ConnectionOptions
      return createRedisBackend(name, { ...options, connection }, factoryOptions)
    }
    const cluster = connectToRedis(this.target, this.tls, manners) as Cluster
    // Its commands reject with the same errors; without a listener the event would end the process.
    cluster.on('error', () => {})
    // A script may touch keys of one slot alone, which the part in braces decides: all of a queue lie together.
    const clustered = { ...options, connection: cluster, prefix: `{${this.queueName}}` }
    const bull = createRedisBackend(name, clustered, factoryOptions)
    this.#clusters.set(bull, cluster)
    return bull
  }

  async warmUp(): Promise<void> {
    // BullMQ opens its connections at the start and keeps them.
  }

  async states(bull: IQueueBackend, jobIds: readonly string[]): Promise<Map<string, string>> {
    const states = await Promise.all(jobIds.map(async id => [id, await bull.getState(id)] as const))
    return new Map(states)
  }

  async remove(bull: IQueueBackend, jobIds: readonly string[]): Promise<string[]> {
    return removeIdle(bull as RedisQueueBackend, jobIds)
  }

  isUnreachable(error: unknown): boolean {
    if (!(error instanceof Error)) return false
    const { code } = error as NodeJS.ErrnoException
    return (
      error.name === 'MaxRetriesPerRequestError' ||
      error.name === 'ClusterAllFailedError' ||
      AWAY.test(error.message) ||
      (code !== undefined && /^E[A-Z_]+$/.test(code))
    )
  }

  drop(bull: IQueueBackend): void {
    const { client, blockingClient } = bull as RedisQueueBackend
    for (const opened of [client, blockingClient]) opened?.then(c => c.disconnect()).catch(() => {})
    // Ends a connection that was never made, too.
    bull.close(true).catch(() => {})
    this.#clusters.get(bull)?.disconnect()
    this.#clusters.delete(bull)
  }

  async close(): Promise<void> {
    for (const cluster of this.#clusters.values()) cluster.disconnect()
  }
}

/**
 * What ioredis and servers say when nobody is there who could answer now, or somebody who has only just come back. NOSCRIPT:
 * ioredis takes a script for loaded also where a cluster that was down refused it; the next call loads it.
 */
const AWAY =
  /Connection is closed|Stream isn't writeable|Cluster isn't ready|startup nodes is available|Too many Cluster redirections|CLUSTERDOWN|NOSCRIPT|LOADING|MASTERDOWN|READONLY|sentinels are unreachable/

/**
 * One connection and one command, so that a wrong address or password is told before anything waits for it.
 * @returns the policy by which the server drops keys when its memory is full; undefined where it does not say
 */
async function probe(target: RedisTarget, tls: TlsOptions | undefined): Promise<string | undefined> {
  const client = connectToRedis(target, tls, { isPatient: false, reconnects: false })
  let cause: unknown
  client.on('error', error => {
    cause = error.lastNodeError ?? error
  })
  try {
    const info = await within(
      PROBE_MS,
      client.connect().then(() => client.info('memory')),
    )
    if (info === undefined) throw new Error(`no answer within ${PROBE_MS} ms`)
    return /^maxmemory_policy:(\S+)/m.exec(info)?.[1]
  } catch (error) {
    throw unreachable(target.location, WHAT_TO_DO, cause ?? error)
  } finally {
    client.disconnect()
  }
}

function evictionWarning({ location }: RedisTarget, policy: string): string {
  return (
    `Redis at ${location} has maxmemory-policy ${policy}: once its memory is full it silently drops keys, and with them ` +
    'batches of the queue. Set maxmemory-policy noeviction.'
  )
}
