import { setTimeout as pause } from 'node:timers/promises'
import type { ConnectionOptions as TlsOptions } from 'node:tls'
import { type ConnectionOptions, createRedisBackend, type IQueueBackend, type RedisQueueBackend } from 'bullmq'
import type { Cluster, Redis } from 'ioredis'
import { AppError } from '../domain/errors.js'
import { SECOND } from '../domain/units.js'
import { type QueueBackend, START_AGAIN, unreachable } from './backend.js'
import { within } from './bullmq-consumer.js'
import { BullmqQueue, type QueueOptions } from './bullmq-queue.js'
import {
  type ConnectionPolicy,
  connectToRedis,
  type RedisTlsFiles,
  redisOptions,
  tlsOptions,
} from './redis-connection.js'
import { consumesWhileFull } from './redis-full.js'
import { withPatience } from './redis-patience.js'
import { isLastingRefusal, isOutOfMemory, refusalOf } from './redis-refusal.js'
import { removeIdle } from './redis-remove.js'
import { parseRedisUrl, type RedisTarget } from './redis-url.js'

/** Timeout of the first command. A cluster client first asks for the nodes, one by one. */
const PROBE_MS = 15 * SECOND

/** How long the key of a check lasts. */
const CHECK_MS = SECOND

/** What BullMQ prints, per connection, about a setting that {@link evictionWarning} reports. */
const BULLMQ_ON_EVICTION = 'IMPORTANT! Eviction policy is '
const warn = console.warn
console.warn = (...words) => {
  if (!String(words[0]).startsWith(BULLMQ_ON_EVICTION)) warn(...words)
}

const WHAT_TO_DO = 'Start Redis or Valkey there, correct REDIS_URL, or unset it to keep the queue in Postgres.'

export interface RedisQueueOptions extends QueueOptions {
  /** As `parseRedisUrl` reads it. */
  url: string
  tls?: RedisTlsFiles
  /** Receives warnings about settings that can lose batches. */
  onWarning?: (message: string) => void
}

/**
 * Opens the queue on Redis or Valkey. Adding fails after three attempts to connect; consuming waits for the server.
 * Rejects with AppError QUEUE_UNREACHABLE, or CONFIG_INVALID when a TLS file is unreadable.
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

/**
 * For commands that need the queue from their start to their end. Rejects with QUEUE_UNREACHABLE for a Redis that refuses
 * a write or a script until somebody changes a setting. Other refusals pass, so they are waited for.
 */
export async function assertServes(queue: Pick<BullmqQueue, 'check' | 'counts'>): Promise<void> {
  for (const command of [() => queue.check(), () => queue.counts()])
    try {
      await command()
    } catch (error) {
      if (error instanceof AppError && isLastingRefusal(replyOf(error.cause))) throw error
    }
}

class RedisBackend implements QueueBackend {
  /** Redis wakes idle workers; polling finds jobs of dead workers. */
  readonly pollMs = 5 * SECOND
  readonly location: string
  /** Cluster connections to close: BullMQ closes only connections that it makes, and makes none to a cluster. */
  readonly #clusters = new Map<IQueueBackend, Cluster>()

  constructor(
    private readonly target: RedisTarget,
    private readonly tls: TlsOptions | undefined,
    private readonly queueName: string,
  ) {
    this.location = target.location
  }

  readonly factory: QueueBackend['factory'] = (name, options, factoryOptions) => {
    const isConsumer = factoryOptions?.withBlockingConnection ?? false
    const bull = this.#connect(name, options, factoryOptions, { waitsForServer: isConsumer })
    return isConsumer ? withPatience(consumesWhileFull(bull), error => refusedBy(this.target, error) !== null) : bull
  }

  #connect(
    ...[name, options, factoryOptions, manners]: [...Parameters<QueueBackend['factory']>, ConnectionPolicy]
  ): RedisQueueBackend {
    if (this.target.topology !== 'cluster') {
      const connection = redisOptions(this.target, this.tls, manners) as ConnectionOptions
      return createRedisBackend(name, { ...options, connection }, factoryOptions) as RedisQueueBackend
    }
    const cluster = connectToRedis(this.target, this.tls, manners) as Cluster
    // Its commands reject with the same errors; without a listener the event would end the process.
    cluster.on('error', () => {})
    // A script may use keys of only one slot. The part in braces puts all keys of a queue into one.
    const clustered = { ...options, connection: cluster, prefix: `{${this.queueName}}` }
    const bull = createRedisBackend(name, clustered, factoryOptions) as RedisQueueBackend
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

  outageOf(error: unknown): AppError | null {
    const refused = refusedBy(this.target, error)
    if (refused !== null || !isUnreachable(error)) return refused
    return unreachable(this.location, START_AGAIN, error)
  }

  async info(bull: IQueueBackend): Promise<string> {
    return (await (bull as RedisQueueBackend).client).info()
  }

  async check(bull: IQueueBackend): Promise<void> {
    const client = await (bull as RedisQueueBackend).client
    await client.set(bull.toKey('check'), '1', { PX: CHECK_MS })
  }

  drop(bull: IQueueBackend): void {
    const { client, blockingClient } = bull as RedisQueueBackend
    for (const opened of [client, blockingClient]) opened?.then(c => c.disconnect()).catch(() => {})
    // Also ends a connection attempt.
    bull.close(true).catch(() => {})
    this.#clusters.get(bull)?.disconnect()
    this.#clusters.delete(bull)
  }

  async close(): Promise<void> {
    for (const cluster of this.#clusters.values()) cluster.disconnect()
  }
}

/**
 * Errors of ioredis that mean an outage or a server that has just come back. NOSCRIPT: ioredis counts a script as
 * loaded even if a cluster refused it during an outage; the next call loads it.
 */
const AWAY =
  /Connection is closed|Stream isn't writeable|Cluster isn't ready|startup nodes is available|Too many Cluster redirections|NOSCRIPT|sentinels are unreachable/

function isUnreachable(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code } = error as NodeJS.ErrnoException
  return (
    error.name === 'MaxRetriesPerRequestError' ||
    error.name === 'ClusterAllFailedError' ||
    AWAY.test(error.message) ||
    (code !== undefined && /^E[A-Z_]+$/.test(code))
  )
}

/** The reply of the server; of a Cluster that of the last node. */
function replyOf(error: unknown): unknown {
  return (error as { lastNodeError?: unknown } | null | undefined)?.lastNodeError ?? error
}

/** QUEUE_FULL or QUEUE_UNREACHABLE for the reply of a server that refuses to work; null for other errors. */
function refusedBy({ location }: RedisTarget, error: unknown): AppError | null {
  const reply = replyOf(error)
  const refusal = refusalOf(reply)
  if (refusal === null) return null
  const code = isOutOfMemory(reply) ? 'QUEUE_FULL' : 'QUEUE_UNREACHABLE'
  return new AppError(code, `Redis at ${location} ${refusal.what}. ${refusal.whatToDo}`, { cause: error })
}

/**
 * Runs one command on one connection, so that a wrong address or password is reported at once.
 * @returns the policy for dropping keys when the server's memory is full; undefined when the server does not report it
 */
async function probe(target: RedisTarget, tls: TlsOptions | undefined): Promise<string | undefined> {
  const client = connectToRedis(target, tls, { waitsForServer: false, reconnects: false, whileLoading: true })
  let cause: unknown
  client.on('error', error => {
    cause = error.lastNodeError ?? error
  })
  try {
    const info = await within(
      PROBE_MS,
      client.connect().then(() => loadedInfo(client)),
    )
    if (info === undefined) throw new Error(`no response within ${PROBE_MS} ms`)
    return /^maxmemory_policy:(\S+)/m.exec(info)?.[1]
  } catch (error) {
    throw refusedBy(target, cause ?? error) ?? unreachable(target.location, WHAT_TO_DO, cause ?? error)
  } finally {
    client.disconnect()
  }
}

/** @throws Error LOADING when the server has not loaded its data within a third of the time that a probe may take */
async function loadedInfo(client: Redis | Cluster): Promise<string> {
  const deadline = Date.now() + PROBE_MS / 3
  for (;;) {
    const info = await client.info()
    if (!/^loading:1/m.test(info)) return info
    if (Date.now() > deadline) throw new Error('LOADING')
    await pause(SECOND / 5)
  }
}

function evictionWarning({ location }: RedisTarget, policy: string): string {
  return (
    `Redis at ${location} has maxmemory-policy ${policy}: once its memory is full it silently drops keys, and with them ` +
    'batches of the queue. Set maxmemory-policy noeviction.'
  )
}
