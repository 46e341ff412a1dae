import { setTimeout as pause } from 'node:timers/promises'
import {
  type IQueueBackend,
  PostgresConnection,
  type PostgresConnectionOptions,
  PostgresQueueBackend,
  type QueueBaseOptions,
  runMigrations,
} from 'bullmq'
import pg from 'pg'
import { describe } from '../db/connection.js'
import { type QueueBackend, unreachable } from './backend.js'
import { BullmqQueue, type QueueOptions } from './bullmq-queue.js'
import { isConnectionLost, PostgresPool } from './postgres-pool.js'

const SECOND = 1000

/** So that the renewal of locks never waits for a check of others' locks. */
const COMMAND_CONNECTIONS = 2

/** BullMQ's tables and functions live in a schema of their own. */
const SCHEMA = 'bullmq'

export interface PostgresQueueOptions extends QueueOptions {
  /** `postgres://user:password@host/database`. The queue opens a small pool of its own, so that a busy application pool never delays a lock. */
  url: string
  /**
   * Whether this is the embedded server. There all clients share one session: the search path is the server's business
   * (`public, bullmq`), and no notification reaches another client, so idle workers ask once a second.
   */
  embedded: boolean
}

/**
 * Opens the queue on Postgres and brings its tables up to date; safe from several processes at once.
 * Rejects with AppError QUEUE_UNREACHABLE.
 */
export async function openPostgresQueue(options: PostgresQueueOptions): Promise<BullmqQueue> {
  const backend = new PostgresBackend(options)
  try {
    await backend.migrate()
  } catch (error) {
    await backend.close()
    const whatToDo = isConnectionLost(error)
      ? 'Start the server, or correct DATABASE_URL.'
      : `The user needs the right to create the schema ${SCHEMA}.`
    throw unreachable(backend.location, whatToDo, error)
  }
  return BullmqQueue.open(backend, options)
}

class PostgresBackend implements QueueBackend {
  readonly location: string
  readonly pollMs = SECOND
  readonly #pool: pg.Pool
  readonly #bullPool: PostgresPool
  readonly #embedded: boolean

  constructor({ url, embedded }: PostgresQueueOptions) {
    this.#embedded = embedded
    this.#pool = new pg.Pool({
      // For commands. Embedded, they run one by one anyway; native, every consumer adds the connection that it listens on.
      max: COMMAND_CONNECTIONS,
      // Locks are renewed on connections that are there: to connect takes several turns of an event loop that may be busy.
      idleTimeoutMillis: 0,
      connectionTimeoutMillis: 10 * SECOND,
      application_name: 'unsplash-clip queue',
      connectionString: embedded ? url : withSearchPath(url),
    })
    this.#bullPool = new PostgresPool(this.#pool)
    this.location = embedded ? 'postgres (embedded)' : `postgres://${describe(url)}`
  }

  /** BullMQ takes a lock in the transaction of its migrations, so that of processes starting together one does it. */
  async migrate(): Promise<void> {
    const client = await this.#bullPool.connect()
    let broken = true
    try {
      await runMigrations(client, SCHEMA)
      broken = false
    } finally {
      client.release(broken)
    }
  }

  readonly factory: QueueBackend['factory'] = (name, options, factoryOptions): IQueueBackend => {
    const connection = new PostgresConnection(this.#bullPool)
    const bullOptions = { ...options, connection: this.#bullPool }
    if (this.#embedded) return new PollingBackend(connection, name, bullOptions)
    const listenClientName = factoryOptions?.withBlockingConnection ? name : undefined
    if (listenClientName) this.#pool.options.max++
    return new ListeningBackend(connection, name, bullOptions, true, listenClientName)
  }

  async warmUp(): Promise<void> {
    const commands = Array.from({ length: COMMAND_CONNECTIONS }, () => this.#bullPool.query('select'))
    await Promise.all(commands)
  }

  isUnreachable(error: unknown): boolean {
    return isConnectionLost(error)
  }

  drop(bull: IQueueBackend): void {
    bull.close(true).catch(() => {})
  }

  async close(): Promise<void> {
    await this.#pool.end()
  }
}

/**
 * BullMQ asks for the next job again at once after an error that it does not take for one of the connection. Should the
 * server be up but not ready (its tables not there yet), that would be thousands of questions a second.
 */
class PatientBackend extends PostgresQueueBackend {
  override async moveToActive(...parameters: Parameters<PostgresQueueBackend['moveToActive']>) {
    try {
      return await super.moveToActive(...parameters)
    } catch (error) {
      if (!isConnectionLost(error)) await pause(SECOND / 2)
      throw error
    }
  }
}

/** Woken by NOTIFY, and asks every few seconds in case a broken connection swallowed one. BullMQ's own limit is an hour. */
class ListeningBackend extends PatientBackend {
  override get maximumBlockTimeout(): number {
    return 5
  }
}

/** Without LISTEN, for which it would hold a connection that hears nothing. */
class PollingBackend extends PatientBackend {
  #wake: AbortController | undefined
  #stopped = false

  constructor(connection: PostgresConnection, name: string, options: QueueBaseOptions<PostgresConnectionOptions>) {
    super(connection, name, options, true)
  }

  /** @param timeout seconds until the next delayed job is due, or the poll interval */
  override async waitForJob(timeout: number): Promise<null> {
    if (this.#stopped) return null
    this.#wake = new AbortController()
    const waitMs = Math.min(timeout * SECOND, SECOND)
    await pause(waitMs, undefined, { signal: this.#wake.signal }).catch(() => {})
    return null
  }

  override async disconnectBlocking(): Promise<void> {
    this.#stopped = true
    this.#wake?.abort()
  }

  override async reconnectBlocking(): Promise<void> {
    this.#stopped = false
  }

  override async setName(): Promise<void> {
    // Would name the one session that all clients share.
  }
}

/** Every connection sees BullMQ's schema first. */
function withSearchPath(url: string): string {
  const parsed = new URL(url)
  const options = `${parsed.searchParams.get('options') ?? ''} -c search_path=${SCHEMA},public`
  parsed.searchParams.set('options', options.trim())
  return parsed.href
}
