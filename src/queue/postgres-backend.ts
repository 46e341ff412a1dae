import { setTimeout as pause } from 'node:timers/promises'
import {
  assertSchemaCompatibility,
  type IQueueBackend,
  LATEST_SCHEMA_VERSION,
  type PgPoolClient,
  PostgresConnection,
  type PostgresConnectionOptions,
  PostgresQueueBackend,
  type QueueBaseOptions,
  runMigrations,
} from 'bullmq'
import pg from 'pg'
import { describe, withVerifiedTls } from '../db/connection.js'
import { type QueueBackend, unreachable } from './backend.js'
import { BullmqQueue, type QueueOptions } from './bullmq-queue.js'
import { isConnectionLost, PostgresPool } from './postgres-pool.js'

const SECOND = 1000

/** So that the renewal of locks never waits for a check of others' locks. */
const COMMAND_CONNECTIONS = 2

/** BullMQ's tables and functions live in a schema of their own. */
const SCHEMA = 'bullmq'

const STATES = `select id, state from ${SCHEMA}.job where queue = $1 and id = any($2)`

/** A job that another connection holds is about to be in a worker's hand, so it is left alone. */
const REMOVE = `
  with idle as (
    select id from ${SCHEMA}.job
    where queue = $1 and id = any($2) and state in ('waiting', 'delayed', 'failed')
    for update skip locked
  )
  select id from idle where ${SCHEMA}.remove($1, id, false) > 0`

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
    await backend.migrate(options.name)
  } catch (error) {
    await backend.close()
    const whatToDo = isConnectionLost(error)
      ? 'Start the server, or correct DATABASE_URL.'
      : `The user needs the right to create the schema ${SCHEMA}, or somebody who has it opens the queue first: unsplash-clip db migrate`
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
      // The commands are short: a server that owes an answer this long is cut off. The embedded one may be busy.
      ...(embedded ? {} : { query_timeout: 30 * SECOND }),
      allowExitOnIdle: true,
      application_name: 'unsplash-clip queue',
      connectionString: embedded ? url : withSearchPath(withVerifiedTls(url)),
    })
    this.#bullPool = new PostgresPool(this.#pool)
    this.location = embedded ? 'postgres (embedded)' : `postgres://${describe(url)}`
  }

  /** BullMQ takes a lock in the transaction of its migrations, so that of processes starting together one does it. */
  async migrate(queue: string): Promise<void> {
    const client = await this.#bullPool.connect()
    let broken = true
    try {
      if (!(await isUpToDate(client))) await runMigrations(client, SCHEMA)
      await client.query(MAKE_SEQUENCE, [queue])
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

  async states(bull: IQueueBackend, jobIds: readonly string[]): Promise<Map<string, string>> {
    const parameters = [(bull as PatientBackend).name, jobIds]
    const { rows } = await this.#bullPool.query<{ id: string; state: string }>(STATES, parameters)
    return new Map(rows.map(({ id, state }) => [id, state]))
  }

  async remove(bull: IQueueBackend, jobIds: readonly string[]): Promise<string[]> {
    const { rows } = await this.#bullPool.query<{ id: string }>(REMOVE, [(bull as PatientBackend).name, jobIds])
    return rows.map(({ id }) => id)
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
  get name(): string {
    return this.queueName
  }

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

/** BullMQ would make it with the first job, for which a worker's user may not have the right. */
const MAKE_SEQUENCE = 'select next_job_id($1) where to_regclass(job_id_seq_name($1)) is null'

/** BullMQ's own migrations ask for the right to create a schema even where there is nothing to create. */
async function isUpToDate(client: PgPoolClient): Promise<boolean> {
  const { rows } = await client.query<{ present: boolean }>('select to_regclass($1) is not null as present', [
    `${SCHEMA}.migration`,
  ])
  return rows[0]!.present && (await assertSchemaCompatibility(client, SCHEMA)) >= LATEST_SCHEMA_VERSION
}

/** Every connection sees BullMQ's schema first. */
function withSearchPath(url: string): string {
  const parsed = new URL(url)
  const options = `${parsed.searchParams.get('options') ?? ''} -c search_path=${SCHEMA},public`
  parsed.searchParams.set('options', options.trim())
  return parsed.href
}
