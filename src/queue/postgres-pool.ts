import type { PgPool, PgPoolClient, PgQueryResult } from 'bullmq'
import type pg from 'pg'
import { isConnectionError } from '../db/errors.js'

/** The server is away. BullMQ waits before it tries again when it sees the code, and otherwise tries without a pause. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost'
  readonly code = 'ECONNREFUSED'

  constructor(override readonly cause: Error) {
    super(`the connection to the database was lost: ${cause.message}`, { cause })
  }
}

/**
 * A `pg.Pool` as BullMQ wants it. The server may go and come back: no client's error event is left without a listener,
 * and whatever a lost connection is called by pg, the socket or the server becomes {@link ConnectionLost}.
 */
export class PostgresPool implements PgPool {
  readonly options: pg.PoolOptions
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
    this.options = pool.options
    // A connection that breaks while it is lent makes its command reject; the event says nothing more.
    pool.on('connect', client => client.on('error', () => {}))
    pool.on('error', () => {})
  }

  async query<Row>(text: string, parameters?: readonly unknown[]): Promise<PgQueryResult<Row>> {
    try {
      return (await this.#pool.query(text, parameters as unknown[])) as unknown as PgQueryResult<Row>
    } catch (error) {
      throw asLost(error)
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
    // Would take away the listeners that keep a broken connection from ending the process.
    return this
  }
}

/** Whether an error says that there is no server at the other end, now. */
export function isConnectionLost(error: unknown): boolean {
  return error instanceof ConnectionLost || isConnectionError(error)
}

function asLost(error: unknown): unknown {
  return error instanceof Error && isConnectionError(error) && !(error instanceof ConnectionLost)
    ? new ConnectionLost(error)
    : error
}
