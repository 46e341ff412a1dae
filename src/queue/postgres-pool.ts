import type { PgPool, PgPoolClient, PgQueryResult } from 'bullmq'
import type pg from 'pg'
import { isConnectionError } from '../db/errors.js'
import { CONDITIONS, conditionOf } from '../db/sql-states.js'

/** The server is unreachable or cannot work. With this code BullMQ pauses before a retry; without it, it retries without a pause. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost'
  readonly code = 'ECONNREFUSED'

  constructor(override readonly cause: Error) {
    super(describe(cause), { cause })
  }
}

function describe(cause: Error): string {
  const condition = conditionOf(cause)
  if (condition === null) return `the connection to the database was lost: ${cause.message}`
  return `the database ${CONDITIONS[condition.kind].verb}: ${condition.found}`
}

/**
 * A `pg.Pool` for BullMQ. The server may go and come back: every client has a listener for errors, and every form of a
 * lost connection, from pg, the socket or the server, and every error of a server that cannot work now becomes {@link
 * ConnectionLost}. Then BullMQ repeats the command, and counts no attempt.
 */
export class PostgresPool implements PgPool {
  readonly options: pg.PoolOptions
  readonly #pool: pg.Pool
  /** Schemas to find BullMQ's objects in, set by each transaction; undefined: the connections have them. */
  searchPath: string | undefined

  constructor(pool: pg.Pool) {
    this.#pool = pool
    this.options = pool.options
    // A connection that breaks during a command rejects the command; the event adds nothing.
    pool.on('connect', client => client.on('error', () => {}))
    pool.on('error', () => {})
  }

  async query<Row>(text: string, parameters?: readonly unknown[]): Promise<PgQueryResult<Row>> {
    try {
      const result = this.searchPath
        ? await this.#inTransaction(`set local search_path = ${this.searchPath}`, text, parameters)
        : await this.#pool.query(text, parameters as unknown[])
      return result as unknown as PgQueryResult<Row>
    } catch (error) {
      throw asLost(error)
    }
  }

  async #inTransaction(setting: string, text: string, parameters?: readonly unknown[]): Promise<pg.QueryResult> {
    const client = await this.#pool.connect()
    let isBroken = true
    try {
      await client.query(`begin; ${setting}`)
      const result = await client.query(text, parameters as unknown[])
      await client.query('commit')
      isBroken = false
      return result
    } finally {
      // As pg's own pool does after an error: it ends the transaction too.
      client.release(isBroken)
    }
  }

  async connect(): Promise<PgPoolClient> {
    try {
      return (await this.#pool.connect()) as unknown as PgPoolClient
    } catch (error) {
      throw asLost(error)
    }
  }

  end(): Promise<void> {
    return this.#pool.end()
  }

  on(event: 'error' | 'connect', listener: ((error: Error) => void) & ((client: PgPoolClient) => void)): this {
    this.#pool.on(event as 'error', error => listener(error as Error & PgPoolClient))
    return this
  }

  removeAllListeners(): this {
    // Does nothing: the listeners prevent a broken connection from ending the process.
    return this
  }
}

/** Returns whether an error means that the server takes no command now: it is unreachable, busy or cannot work. */
export function isConnectionLost(error: unknown): boolean {
  if (error instanceof ConnectionLost || isConnectionError(error)) return true
  const condition = conditionOf(error)
  return condition !== null && condition.kind !== 'failed'
}

function asLost(error: unknown): unknown {
  return error instanceof Error && isConnectionLost(error) && !(error instanceof ConnectionLost)
    ? new ConnectionLost(error)
    : error
}
