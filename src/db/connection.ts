import pg from 'pg'
import { isConnectionError, isSilence, isTransactionConflict, translate } from './errors.js'

const SECOND = 1000
const CONFLICT_RETRIES = 5
const RECONNECT_PAUSE_MS = 200
/** A server that has not even cancelled a statement this long after its time was up is cut off, and no packet will tell. */
const SILENCE_MS = 10 * SECOND
/** Longest that a timer takes: 25 days. */
const NO_TIMEOUT_MS = 2 ** 31 - 1

export interface DatabaseOptions {
  /** `postgres://user:password@host/database`, or a Unix socket's folder as `?host=`. */
  url: string
  /** Connections held at most. On the embedded server all of them share one session. */
  maxConnections?: number
  /** How long a statement waits for a connection before it fails. */
  connectTimeoutMs?: number
  /** How long a call goes on trying when the connection is lost; for processes that outlive a restart of the server. */
  reconnectMs?: number
  /** A server that is not there at the start is told at once: only a connection that was there is waited for. */
  failFast?: boolean
  /** The server cancels a statement after this long; 0: never. Not for the embedded server, where clients share one session. */
  statementTimeoutMs?: number
  /** Shown in `pg_stat_activity`. */
  applicationName?: string
}

/** What a repository needs to run statements; inside `transaction` it is bound to one connection. */
export interface Session {
  query<Row extends pg.QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<Row[]>
}

/**
 * A pool of connections. Every statement goes through here, so that errors of the driver become AppErrors
 * (DATABASE_UNREACHABLE, and those that the SQL functions raise) in one place.
 */
export class Database implements Session {
  /** For people: host, port and database. Holds no credentials. */
  readonly location: string
  readonly #reconnectMs: number

  constructor(
    readonly pool: pg.Pool,
    options: { location: string; reconnectMs: number },
  ) {
    this.location = options.location
    this.#reconnectMs = options.reconnectMs
  }

  /** One statement, in a transaction of its own. It must bear repetition: a lost connection or a conflict repeats it. */
  async query<Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    return this.#repeated(async () => (await this.pool.query<Row>(sql, [...values])).rows)
  }

  /**
   * Several statements in one transaction, repeated as a whole after a conflict or a lost connection.
   * @param options `unlimited`: its statements take as long as they take
   */
  async transaction<T>(
    work: (session: Session) => Promise<T>,
    { unlimited = false }: { unlimited?: boolean } = {},
  ): Promise<T> {
    return this.#repeated(async () => {
      const client = await this.pool.connect()
      let broken: Error | undefined
      const onError = (error: Error) => {
        broken = error
      }
      client.on('error', onError)
      const patience = unlimited ? { query_timeout: NO_TIMEOUT_MS } : {}
      try {
        await client.query('begin')
        // The transaction's own, so that it does not leak to others where all share one session.
        if (unlimited) await client.query('set local statement_timeout = 0')
        const result = await work({
          query: async <Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []) =>
            (await client.query<Row>({ text: sql, values: [...values], ...patience })).rows,
        })
        await client.query('commit')
        return result
      } catch (error) {
        if (isSilence(error)) onError(error as Error)
        else await client.query('rollback').catch((failure: Error) => onError(failure))
        throw error
      } finally {
        client.off('error', onError)
        client.release(broken)
      }
    })
  }

  async close(): Promise<void> {
    await this.pool.end()
  }

  async #repeated<T>(work: () => Promise<T>): Promise<T> {
    const deadline = Date.now() + this.#reconnectMs
    for (let conflicts = 0; ; ) {
      try {
        return await work()
      } catch (error) {
        if (isTransactionConflict(error) && conflicts < CONFLICT_RETRIES) {
          conflicts++
          continue
        }
        if (!isConnectionError(error) || Date.now() >= deadline || this.pool.ending)
          throw translate(error, this.location)
        await new Promise(resolve => setTimeout(resolve, RECONNECT_PAUSE_MS))
      }
    }
  }
}

/**
 * Connects, and makes sure that the server answers.
 * @throws AppError DATABASE_UNREACHABLE
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const pool = new pg.Pool({
    Client,
    connectionString: withVerifiedTls(options.url),
    max: options.maxConnections ?? 8,
    connectionTimeoutMillis: options.connectTimeoutMs ?? 10 * SECOND,
    idleTimeoutMillis: 30 * SECOND,
    keepAlive: true,
    // A connection that is cut off is never seen to end; nobody who has closed the pool shall wait for it.
    allowExitOnIdle: true,
    ...timeouts(options),
    application_name: options.applicationName ?? 'unsplash-clip',
    types: { getTypeParser },
  })
  // An idle connection that breaks must not end the process; the next statement opens a new one.
  pool.on('error', () => undefined)
  const database = new Database(pool, { location: describe(options.url), reconnectMs: options.reconnectMs ?? 0 })
  try {
    if (options.failFast) await pool.query('select 1')
    else await database.query('select 1')
    return database
  } catch (error) {
    await database.close()
    throw translate(error, database.location)
  }
}

/** pg leaves the socket open when it is asked for a password that it does not have, and with it the process alive. */
class Client extends pg.Client {
  constructor(config?: pg.ClientConfig) {
    super(config)
    this.connection.on('error', () => this.connection.stream.destroy())
  }
}

/**
 * Closes a connection instead of giving it back to the pool. One that is cut off is never seen to end: the process does not
 * stay alive for it.
 */
export function closeWithoutWaiting(client: pg.PoolClient): void {
  // pg has it, its types do not.
  ;(client as pg.PoolClient & { unref(): void }).unref()
  client.release(true)
}

/** In the startup packet: one round trip less, and a value in DATABASE_URL wins. */
function timeouts({ url, statementTimeoutMs }: DatabaseOptions): pg.PoolConfig {
  if (!statementTimeoutMs || /[?&]statement_timeout=/.test(url)) return {}
  return { statement_timeout: statementTimeoutMs, query_timeout: statementTimeoutMs + SILENCE_MS }
}

/** That pg takes for `verify-full`, with a warning that its next version will check less for them. */
const CHECKED_SSL_MODES = new Set(['prefer', 'require', 'verify-ca'])

/**
 * The connection string with what pg makes of its `sslmode` said in full: whoever asks for TLS gets a server whose
 * certificate and name were checked. `uselibpqcompat=true` gives the weaker meanings that psql has for them.
 */
export function withVerifiedTls(url: string): string {
  if (!URL.canParse(url)) return url
  const parsed = new URL(url)
  const { searchParams } = parsed
  if (searchParams.get('uselibpqcompat') === 'true' || !CHECKED_SSL_MODES.has(searchParams.get('sslmode') ?? ''))
    return url
  searchParams.set('sslmode', 'verify-full')
  return parsed.href
}

/** Where a connection string leads, without its credentials. */
export function describe(url: string): string {
  if (!URL.canParse(url)) return 'an address that is no URL'
  const { hostname, port, pathname, searchParams } = new URL(url)
  const host = searchParams.get('host') ?? decodeURIComponent(hostname)
  if (host.startsWith('/')) return `${host} (socket)`
  return `${host || 'localhost'}:${port || 5432}${pathname}`
}

const INT8 = 20
const TIMESTAMP = 1114

/** Counts become numbers, and a timestamp without time zone stays the text it is: it names no moment. */
function getTypeParser(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
  if (oid === INT8) return toSafeInteger
  if (oid === TIMESTAMP) return text => text
  return pg.types.getTypeParser(oid, format as 'text') as (value: string) => unknown
}

function toSafeInteger(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new RangeError(`an integer below 2^53 expected, found ${text}`)
  return value
}
