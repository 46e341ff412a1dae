import pg from 'pg'
import { traced } from '../domain/tracing/spans.js'
import { SECOND } from '../domain/units.js'
import { isConnectionError, isSilence, isTransactionConflict, isUnavailable, translate } from './errors.js'
import { isStartupRefused } from './pooler.js'

const CONFLICT_RETRIES = 5
const RECONNECT_PAUSE_MS = 200
/** A server that has not cancelled a statement this long after its timeout counts as unreachable. */
const SILENCE_MS = 10 * SECOND
/** How long the end of a pool waits for statements under way. */
const CLOSE_MS = SECOND / 4
/** Longest delay of a timer: 25 days. */
const NO_TIMEOUT_MS = 2 ** 31 - 1

export interface DatabaseOptions {
  /** `postgres://user:password@host/database`, or a Unix socket's folder as `?host=`. */
  url: string
  /** Maximum connections. On the embedded server all of them share one session. */
  maxConnections?: number
  /** How long a statement waits for a connection before it fails. */
  connectTimeoutMs?: number
  /** How long a call retries after a lost connection, for processes that outlive a restart of the server. */
  reconnectMs?: number
  /** Reports a server that is unreachable at the start at once. Only lost connections are retried. */
  failFast?: boolean
  /**
   * The server cancels statements after this long; 0: never. Not for the embedded server, whose clients share a
   * session.
   */
  statementTimeoutMs?: number
  /** Shown in `pg_stat_activity`. */
  applicationName?: string
}

/** Runs statements for a repository; inside `transaction` on one connection. */
export interface Session {
  query<Row extends pg.QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<Row[]>
}

/**
 * A pool of connections. Every statement passes through here, so that errors of the driver and the server become
 * AppErrors in one place. A lost connection repeats the statement for a while; a server that answers but cannot work
 * (read-only, disk full) does so once, on a new connection, because its caller has to say why it waits.
 */
export class Database implements Session {
  /** For display: host, port and database. Holds no credentials. */
  readonly location: string
  readonly #reconnectMs: number
  readonly #begin: string
  readonly #isLimitedLocally: boolean

  /** @param options `localTimeoutMs`: statement timeout of each transaction, where the session can have none */
  constructor(
    readonly pool: pg.Pool,
    options: { location: string; reconnectMs: number; localTimeoutMs?: number },
  ) {
    const { location, reconnectMs, localTimeoutMs } = options
    this.location = location
    this.#reconnectMs = reconnectMs
    this.#isLimitedLocally = localTimeoutMs !== undefined
    this.#begin = localTimeoutMs === undefined ? 'begin' : `begin; set local statement_timeout = ${localTimeoutMs}`
  }

  /** Runs one statement in its own transaction. It must be repeatable: a lost connection or a conflict repeats it. */
  async query<Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    if (this.#isLimitedLocally) return this.transaction(session => session.query<Row>(sql, values))
    return statement(sql, () => this.#repeated(async () => (await this.pool.query<Row>(sql, [...values])).rows))
  }

  /**
   * Runs several statements in one transaction, repeated as a whole after a conflict or a lost connection.
   * @param options `unlimited`: without statement timeout; `rollBack`: undoes everything at the end
   */
  async transaction<T>(
    work: (session: Session) => Promise<T>,
    options: { unlimited?: boolean; rollBack?: boolean } = {},
  ): Promise<T> {
    return traced('postgres transaction', CLIENT, () => this.#transact(work, options))
  }

  #transact<T>(
    work: (session: Session) => Promise<T>,
    { unlimited = false, rollBack = false }: { unlimited?: boolean; rollBack?: boolean },
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
        await client.query(this.#begin)
        // Local to the transaction, so that it does not leak to other clients of a shared session.
        if (unlimited) await client.query('set local statement_timeout = 0')
        const result = await work({
          query: <Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []) =>
            statement(sql, async () => (await client.query<Row>({ text: sql, values: [...values], ...patience })).rows),
        })
        await client.query(rollBack ? 'rollback' : 'commit')
        return result
      } catch (error) {
        if (isSilence(error) || isUnavailable(error)) onError(error as Error)
        else await client.query('rollback').catch((failure: Error) => onError(failure))
        throw error
      } finally {
        client.off('error', onError)
        client.release(broken)
      }
    })
  }

  /** Waits a moment for statements under way, not for a silent server. */
  async close(): Promise<void> {
    await this.pool.end()
  }

  /** After a failover they may still lead to the former primary. A new one asks the name of the server again. */
  #dropIdleConnections(): void {
    for (let idle = this.pool.idleCount; idle > 0; idle--)
      this.pool.connect().then(
        client => client.release(true),
        () => {},
      )
  }

  async #repeated<T>(work: () => Promise<T>): Promise<T> {
    const deadline = Date.now() + this.#reconnectMs
    let conflicts = 0
    let isSecondTry = false
    for (;;) {
      try {
        return await work()
      } catch (error) {
        if (isTransactionConflict(error) && conflicts < CONFLICT_RETRIES) {
          conflicts++
          continue
        }
        if (isUnavailable(error) && !isSecondTry && !this.pool.ending) {
          isSecondTry = true
          this.#dropIdleConnections()
          continue
        }
        if (!isConnectionError(error) || Date.now() >= deadline || this.pool.ending)
          throw translate(error, this.location)
        await new Promise(resolve => setTimeout(resolve, RECONNECT_PAUSE_MS))
      }
    }
  }
}

const CLIENT = { kind: 'client', isPart: true, attributes: { 'db.system.name': 'postgresql' } } as const
const LONGEST_TEXT = 1000

/** Values are parameters, so the text of a statement holds none. */
function statement<Row>(sql: string, run: () => Promise<Row[]>): Promise<Row[]> {
  const options = { ...CLIENT, attributes: { ...CLIENT.attributes, 'db.query.text': sql.slice(0, LONGEST_TEXT) } }
  return traced('postgres', options, async span => {
    const rows = await run()
    span?.set({ 'db.response.returned_rows': rows.length })
    return rows
  })
}

const STATEMENT_TIMEOUT = `select setting::integer as ms from pg_settings where name = 'statement_timeout'`

/**
 * Connects, and checks that the server responds. A pooler may refuse or ignore the statement timeout: then each
 * transaction sets it.
 * @throws AppError DATABASE_UNREACHABLE
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const { statement_timeout: timeoutMs, ...rest } = timeouts(options)
  if (timeoutMs === undefined) return (await connect(options, rest)).database
  try {
    const { database, statementTimeoutMs } = await connect(options, { ...rest, statement_timeout: timeoutMs })
    if (statementTimeoutMs === timeoutMs) return database
    await database.close()
  } catch (error) {
    if (!isStartupRefused(error)) throw error
  }
  return (await connect(options, rest, timeoutMs as number)).database
}

async function connect(
  options: DatabaseOptions,
  limits: pg.PoolConfig,
  localTimeoutMs?: number,
): Promise<{ database: Database; statementTimeoutMs: number }> {
  const pool = new Pool({
    connectionString: withVerifiedTls(options.url),
    max: options.maxConnections ?? 8,
    connectionTimeoutMillis: options.connectTimeoutMs ?? 10 * SECOND,
    idleTimeoutMillis: 30 * SECOND,
    keepAlive: true,
    // The end of an interrupted connection is never noticed, so a closed pool must not wait for it.
    allowExitOnIdle: true,
    ...limits,
    application_name: options.applicationName ?? 'unsplash-clip',
    types: { getTypeParser },
  })
  // A broken idle connection must not end the process; the next statement opens a new one.
  pool.on('error', () => undefined)
  const location = describe(options.url)
  const database = new Database(pool, { location, reconnectMs: options.reconnectMs ?? 0, localTimeoutMs })
  try {
    const rows = options.failFast
      ? (await pool.query<{ ms: number }>(STATEMENT_TIMEOUT)).rows
      : await database.query<{ ms: number }>(STATEMENT_TIMEOUT)
    return { database, statementTimeoutMs: rows[0]!.ms }
  } catch (error) {
    await database.close()
    throw translate(error, location)
  }
}

/** pg leaves the socket open, and the process alive, when the server asks for a missing password. */
class Client extends pg.Client {
  constructor(config?: pg.ClientConfig) {
    super(config)
    this.connection.on('error', () => this.break())
  }

  /** Its statements reject, and nothing keeps the process alive. */
  break(): void {
    this.connection.stream.destroy()
  }
}

/** A pool whose end waits only a moment for statements under way, and then breaks their connections. */
export class Pool extends pg.Pool {
  readonly #open: ReadonlySet<Client>

  constructor(config: pg.PoolConfig) {
    const open = new Set<Client>()
    class Known extends Client {
      constructor(clientConfig?: pg.ClientConfig) {
        super(clientConfig)
        open.add(this)
        this.on('end', () => open.delete(this))
      }
    }
    super({ ...config, Client: Known })
    this.#open = open
  }

  override async end(): Promise<void> {
    const late = setTimeout(() => {
      for (const client of this.#open) client.break()
    }, CLOSE_MS)
    try {
      await super.end()
    } finally {
      clearTimeout(late)
    }
  }
}

/**
 * Closes a connection instead of returning it to the pool. The end of an interrupted connection is never noticed, so
 * the process does not stay alive for it.
 */
export function closeWithoutWaiting(client: pg.PoolClient): void {
  // Missing in pg's types.
  ;(client as pg.PoolClient & { unref(): void }).unref()
  client.release(true)
}

/** Sends timeouts in the startup packet: saves a round trip, and values in DATABASE_URL take precedence. */
function timeouts({ url, statementTimeoutMs }: DatabaseOptions): pg.PoolConfig {
  if (!statementTimeoutMs || /[?&]statement_timeout=/.test(url)) return {}
  return { statement_timeout: statementTimeoutMs, query_timeout: statementTimeoutMs + SILENCE_MS }
}

/** Modes that pg treats as `verify-full`, with a warning that its next version will check less. */
const CHECKED_SSL_MODES = new Set(['prefer', 'require', 'verify-ca'])

/**
 * Returns the connection string with pg's meaning of its `sslmode` made explicit: with TLS, the server's certificate
 * and name are always checked. `uselibpqcompat=true` gives the weaker meanings of psql.
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

/** Describes the target of a connection string, without credentials. */
export function describe(url: string): string {
  if (!URL.canParse(url)) return 'an address that is no URL'
  const { hostname, port, pathname, searchParams } = new URL(url)
  const host = searchParams.get('host') ?? decodeURIComponent(hostname)
  if (host.startsWith('/')) return `${host} (socket)`
  return `${host || 'localhost'}:${port || 5432}${pathname}`
}

const INT8 = 20
const TIMESTAMP = 1114

/** Parses counts as numbers. A timestamp without time zone stays a text, because it names no moment. */
function getTypeParser(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
  if (oid === INT8) return toSafeInteger
  if (oid === TIMESTAMP) return text => text
  return pg.types.getTypeParser(oid, format as 'text') as (value: string) => unknown
}

function toSafeInteger(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new RangeError(`expected an integer below 2^53, found ${text}`)
  return value
}
