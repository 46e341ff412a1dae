import { chmodSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { PGlite } from '@electric-sql/pglite'
import { MINUTE } from '../../domain/units.js'
import { HEARTBEAT_MS } from '../../locks/file-lock.js'
import { Maintenance } from './maintenance.js'
import { ServerLock } from './server-lock.js'
import { SnapshotTaker } from './snapshots.js'
import { SOCKET_NAME, socketFolder, socketUrl } from './socket-path.js'
import { Engine } from './wire/engine.js'
import { WireServer } from './wire/wire-server.js'

/** Limit of connections. Every command holds a few. */
const MAX_CONNECTIONS = 500
const IDLE_CHECK_MS = 250
const SNAPSHOT_CHECK_MS = MINUTE
/** Postgres reports deeper recursion as an error instead of exceeding the stack of WebAssembly. */
const MAX_STACK_DEPTH = '100kB'

export interface ServeOptions {
  /** Contains the lock file, the log, the data (`pgdata/`) and, if its path is short enough, the socket. */
  dataDir: string
  /** The server stops after this long without connections; 0: never. */
  idleMs: number
  version: string
  log: (line: string) => void
  /** Must end the process at once. Called when continuing would do harm: the engine failed, or the lock is lost. */
  abort: (reason: string) => void
}

/**
 * Opens the embedded database and serves it on a Unix socket, to any number of clients of this user.
 * @throws AppError DATABASE_LOCKED when another process serves the folder
 */
export async function serve(options: ServeOptions): Promise<RunningServer> {
  const { dataDir, log, abort } = options
  mkdirSync(dataDir, { recursive: true })
  chmodSync(dataDir, 0o700)
  const lock = await ServerLock.take(dataDir, options.version)
  try {
    const socketDir = socketFolder(dataDir)
    rmSync(join(socketDir, SOCKET_NAME), { force: true })
    const snapshots = await SnapshotTaker.create(dataDir, log)
    const db = await openData(dataDir, log)
    const engine = new Engine(db, abort)
    await engine.start()
    snapshots.opened(await logPosition(engine))
    let server: RunningServer | undefined
    const clients = new WireServer({
      engine,
      folder: dataDir,
      maxConnections: MAX_CONNECTIONS,
      onStopRequest: () => void server?.stop('a client asked for it'),
    })
    await clients.listen(join(socketDir, SOCKET_NAME))
    server = new RunningServer(options, { lock, socketDir, db, engine, clients, snapshots })
    // First: a process that finds it ready may read the log, or kill the server.
    log(`ready: ${server.url}`)
    lock.publishReady()
    return server
  } catch (error) {
    lock.release()
    throw error
  }
}

interface ServerResources {
  lock: ServerLock
  socketDir: string
  db: PGlite
  engine: Engine
  clients: WireServer
  snapshots: SnapshotTaker
}

/** A server that accepts connections until it is stopped or idle. */
export class RunningServer {
  readonly url: string
  /** Resolves once everything is closed, whatever the reason. */
  readonly ended: Promise<void>
  readonly maintenance: Maintenance
  readonly #timers: NodeJS.Timeout[]
  #finish: () => void = () => undefined
  #stopping: Promise<void> | undefined
  #snapshot: Promise<void> | undefined
  #lastSeen = Date.now()

  constructor(
    private readonly options: ServeOptions,
    private readonly resources: ServerResources,
  ) {
    this.url = socketUrl(resources.socketDir)
    this.ended = new Promise(resolve => {
      this.#finish = resolve
    })
    this.maintenance = new Maintenance(resources.engine, options.log)
    this.#timers = [
      setInterval(() => this.#stopWhenIdle(), IDLE_CHECK_MS),
      setInterval(() => {
        if (!resources.lock.touch()) options.abort(`the lock of ${options.dataDir} is gone`)
      }, HEARTBEAT_MS),
      setInterval(() => {
        if (resources.snapshots.isDue()) void this.takeSnapshot()
      }, SNAPSHOT_CHECK_MS),
    ]
  }

  stop(reason: string): Promise<void> {
    this.#stopping ??= this.#stop(reason)
    return this.#stopping
  }

  /** Takes a snapshot if something has changed. Clients wait meanwhile. Does nothing while one is in a transaction. */
  async takeSnapshot(): Promise<void> {
    if (this.#stopping !== undefined || this.#snapshot !== undefined) return
    const { engine, snapshots } = this.resources
    await engine.between(async () => {
      if (!snapshots.hasChanged(await logPosition(engine))) return
      await engine.query('checkpoint')
      const lsn = await logPosition(engine)
      await new Promise<void>(copied => {
        this.#snapshot = snapshots.take(lsn, copied).finally(() => {
          this.#snapshot = undefined
        })
      })
    })
    await this.#snapshot
  }

  #stopWhenIdle(): void {
    const { idleMs } = this.options
    if (this.resources.clients.connections > 0) this.#lastSeen = Date.now()
    else if (idleMs > 0 && Date.now() - this.#lastSeen >= idleMs) void this.stop(`no connections for ${idleMs} ms`)
  }

  async #stop(reason: string): Promise<void> {
    const { lock, socketDir, db, engine, clients, snapshots } = this.resources
    this.options.log(`stopping: ${reason}`)
    this.maintenance.close()
    await clients.close()
    await this.#snapshot
    const lsn = await logPosition(engine)
    await db.close()
    if (snapshots.hasChanged(lsn)) {
      lock.publishSnapshot()
      await snapshots.take(lsn)
    }
    for (const timer of this.#timers) clearInterval(timer)
    rmSync(join(socketDir, SOCKET_NAME), { force: true })
    lock.release()
    this.options.log('stopped')
    this.#finish()
  }
}

/** Position in the write-ahead log: different after every change. */
async function logPosition(engine: Engine): Promise<string> {
  return (await engine.query('select pg_current_wal_insert_lsn()'))[0]![0]!
}

/** Creates a new database in a temporary place and moves it when complete, so an interrupted start leaves no half. */
async function openData(dataDir: string, log: (line: string) => void): Promise<PGlite> {
  const [{ PGlite }, { vector }] = await Promise.all([
    import('@electric-sql/pglite'),
    import('@electric-sql/pglite-pgvector'),
  ])
  const folder = join(dataDir, 'pgdata')
  const unfinished = join(dataDir, 'pgdata.new')
  rmSync(unfinished, { recursive: true, force: true })
  if (!existsSync(folder)) {
    log('creating the database')
    const db = await PGlite.create({ dataDir: unfinished, extensions: { vector } })
    await db.close()
    renameSync(unfinished, folder)
  }
  const startParams = [
    ...PGlite.defaultStartParams,
    // BullMQ's statements do not name the schema of its tables.
    ...['-c', 'search_path=public, bullmq'],
    ...['-c', `max_stack_depth=${MAX_STACK_DEPTH}`],
  ]
  const db = await PGlite.create({ dataDir: folder, extensions: { vector }, startParams })
  // PGlite throws where Postgres runs a program, as in COPY … TO PROGRAM, and its engine does not survive that.
  db.handleExternalCmd = () => 0
  return db
}
