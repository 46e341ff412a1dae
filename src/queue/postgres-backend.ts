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
  type WorkerOptions,
} from 'bullmq'
import type pg from 'pg'
import { describe, Pool, withVerifiedTls } from '../db/connection.js'
import { isPooled, isStartupRefused } from '../db/pooler.js'
import { CONDITIONS, conditionOf } from '../db/sql-states.js'
import { AppError } from '../domain/errors.js'
import { SECOND } from '../domain/units.js'
import { type QueueBackend, START_AGAIN, unreachable } from './backend.js'
import { BullmqQueue, type QueueOptions } from './bullmq-queue.js'
import { ConnectionLost, isConnectionLost, PostgresPool } from './postgres-pool.js'

/** Two, so that the renewal of locks never waits for a check of other locks. */
const COMMAND_CONNECTIONS = 2

/** Schema of BullMQ's tables and functions. */
const SCHEMA = 'bullmq'
const SEARCH_PATH = `${SCHEMA},public`

const STATES = `select id, state from ${SCHEMA}.job where queue = $1 and id = any($2)`

/** Skips jobs that another connection has locked, because a worker is about to take them. */
const REMOVE = `
  with idle as (
    select id from ${SCHEMA}.job
    where queue = $1 and id = any($2) and state in ('waiting', 'delayed', 'failed')
    for update skip locked
  )
  select id from idle where ${SCHEMA}.remove($1, id, false) > 0`

const ADD_EVENT = `insert into ${SCHEMA}.event (queue, event, created_at_ms) values ($1, 'check', 0)`

export interface PostgresQueueOptions extends QueueOptions {
  /**
   * `postgres://user:password@host/database`. The queue has a separate small pool, so that a busy application pool
   * never delays a lock.
   */
  url: string
  /**
   * Whether this is the embedded server, where all clients share one session. The server sets the search path (`public,
   * bullmq`), and no notification reaches another client, so idle workers poll once per second.
   */
  embedded: boolean
}

/**
 * Opens the queue on Postgres and brings its tables up to date. Safe in concurrent processes.
 * Rejects with AppError QUEUE_UNREACHABLE.
 */
export async function openPostgresQueue(options: PostgresQueueOptions): Promise<BullmqQueue> {
  let backend = new PostgresBackend(options)
  try {
    if (!options.embedded && (await backend.isBehindPooler())) {
      await backend.close()
      backend = new PostgresBackend({ ...options, pooled: true })
    }
    await backend.migrate(options.name)
  } catch (error) {
    await backend.close()
    const outage = backend.outageOf(error)
    if (outage !== null) throw outage
    const whatToDo = `The user needs the right to create the schema ${SCHEMA}, or a user who has it must create the queue first: unsplash-clip db migrate`
    throw unreachable(backend.location, whatToDo, error)
  }
  return BullmqQueue.open(backend, options)
}

class PostgresBackend implements QueueBackend {
  readonly location: string
  readonly pollMs = SECOND
  readonly #pool: pg.Pool
  readonly #bullPool: PostgresPool
  readonly #polls: boolean

  /** @param options `pooled`: behind a pooler, so no setting of a session lasts and no notification arrives */
  constructor({ url, embedded, pooled = false }: PostgresQueueOptions & { pooled?: boolean }) {
    this.#polls = embedded || pooled
    this.#pool = new Pool({
      // For commands. The embedded server runs them one by one; on a native one, each consumer adds a listening
      // connection.
      max: COMMAND_CONNECTIONS,
      // Renewing locks needs open connections: connecting takes several turns of an event loop that may be busy.
      idleTimeoutMillis: 0,
      connectionTimeoutMillis: 10 * SECOND,
      // Commands are short, so a server that is silent this long is unreachable. The embedded one may be busy.
      ...(embedded ? {} : { query_timeout: 30 * SECOND }),
      allowExitOnIdle: true,
      application_name: 'unsplash-clip queue',
      connectionString: embedded ? url : pooled ? withVerifiedTls(url) : withSearchPath(withVerifiedTls(url)),
    })
    this.#bullPool = new PostgresPool(this.#pool)
    if (pooled) this.#bullPool.searchPath = SEARCH_PATH
    this.location = embedded ? 'postgres (embedded)' : `postgres://${describe(url)}`
  }

  /** BullMQ locks its migrations, so only one of several starting processes runs them. */
  async migrate(queue: string): Promise<void> {
    const client = await this.#bullPool.connect()
    let broken = true
    try {
      if (!(await isUpToDate(client))) await runMigrations(client, SCHEMA)
      broken = false
    } finally {
      client.release(broken)
    }
    await this.#bullPool.query(MAKE_SEQUENCE, [queue])
  }

  /** Also when the pooler refuses the search path, without which it need not be asked. */
  async isBehindPooler(): Promise<boolean> {
    let client: pg.PoolClient | undefined
    try {
      client = await this.#pool.connect()
      return await isPooled(client)
    } catch (error) {
      if (isStartupRefused(error)) return true
      throw error
    } finally {
      client?.release()
    }
  }

  readonly factory: QueueBackend['factory'] = (name, options, factoryOptions): IQueueBackend => {
    const connection = new PostgresConnection(this.#bullPool)
    const bullOptions = { ...options, connection: this.#bullPool }
    if (this.#polls) return new PollingBackend(connection, name, bullOptions)
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

  outageOf(error: unknown): AppError | null {
    if (!isConnectionLost(error)) return null
    const condition = conditionOf(error instanceof ConnectionLost ? error.cause : error)
    if (condition === null) return unreachable(this.location, START_AGAIN, error)
    return new AppError(
      'QUEUE_UNREACHABLE',
      `The queue at ${this.location} ${CONDITIONS[condition.kind].verb}: ${condition.found}. ${condition.advice} Nothing is lost.`,
      { cause: error },
    )
  }

  /** Rolled back: nobody sees the event. */
  async check(bull: IQueueBackend): Promise<void> {
    const client = await this.#bullPool.connect()
    let broken = true
    try {
      await client.query('begin')
      await client.query(ADD_EVENT, [(bull as PatientBackend).name])
      await client.query('rollback')
      broken = false
    } finally {
      client.release(broken)
    }
  }

  drop(bull: IQueueBackend): void {
    bull.close(true).catch(() => {})
  }

  async close(): Promise<void> {
    await this.#pool.end()
  }
}

/**
 * Delays requests for jobs after an error. BullMQ requests the next job at once after an error that it does not
 * recognise as one of the connection. While the server is up but not ready (no tables yet), that would be thousands of
 * requests per second.
 *
 * After an outage the locks of all workers have expired, although none is dead. So a worker that could not renew its
 * locks, or not look for expired ones, gives everybody the time of a lock to renew theirs before it looks.
 */
class PatientBackend extends PostgresQueueBackend {
  #cutOffAtMs = Number.NEGATIVE_INFINITY

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

  override extendLocks(...parameters: Parameters<PostgresQueueBackend['extendLocks']>): Promise<string[]> {
    return this.#noticingOutage(super.extendLocks(...parameters))
  }

  override async moveStalledJobsToWait(): Promise<string[]> {
    const { lockDuration = 0 } = this.opts as WorkerOptions
    if (performance.now() - this.#cutOffAtMs < lockDuration) return []
    return this.#noticingOutage(super.moveStalledJobsToWait())
  }

  async #noticingOutage<T>(command: Promise<T>): Promise<T> {
    try {
      return await command
    } catch (error) {
      this.#cutOffAtMs = performance.now()
      throw error
    }
  }
}

/** Wakes on NOTIFY, and polls every few seconds in case a broken connection lost one. BullMQ's own limit is an hour. */
class ListeningBackend extends PatientBackend {
  override get maximumBlockTimeout(): number {
    return 5
  }
}

/** Polls without LISTEN, whose connection would receive nothing. */
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
    // Does nothing: it would name the one session that all clients share.
  }
}

/** Creates the sequence early: BullMQ would create it with the first job, but a worker's user may lack the right. */
const MAKE_SEQUENCE = 'select next_job_id($1) where to_regclass(job_id_seq_name($1)) is null'

/** Returns whether BullMQ's migrations can be skipped: they need the right to create a schema even without work. */
async function isUpToDate(client: PgPoolClient): Promise<boolean> {
  const { rows } = await client.query<{ present: boolean }>('select to_regclass($1) is not null as present', [
    `${SCHEMA}.migration`,
  ])
  return rows[0]!.present && (await assertSchemaCompatibility(client, SCHEMA)) >= LATEST_SCHEMA_VERSION
}

/** Puts BullMQ's schema first in the search path of every connection. */
function withSearchPath(url: string): string {
  const parsed = new URL(url)
  const options = `${parsed.searchParams.get('options') ?? ''} -c search_path=${SEARCH_PATH}`
  parsed.searchParams.set('options', options.trim())
  return parsed.href
}
