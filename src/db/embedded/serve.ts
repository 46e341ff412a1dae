import { chmodSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { PGlite } from '@electric-sql/pglite'
import type { PGLiteSocketServer } from '@electric-sql/pglite-socket'
import { Maintenance } from './maintenance.js'
import { ProtocolGate } from './protocol-gate.js'
import { HEARTBEAT_MS, ServerLock } from './server-lock.js'
import { removeSocket, SOCKET_NAME, socketFolder, socketUrl } from './socket-path.js'

/** Every command holds a few connections; more than this many are dropped. */
const MAX_CONNECTIONS = 500
const IDLE_CHECK_MS = 250
/** BullMQ's tables live in a schema of their own and its statements name them without it; all clients share one session. */
const SEARCH_PATH = 'set search_path = public, bullmq'

export interface ServeOptions {
  /** Holds the lock file, the log, the data (`pgdata/`) and, where its path is short enough, the socket. */
  dataDir: string
  /** The server ends when nobody was connected for this long; 0: never. */
  idleMs: number
  version: string
  log: (line: string) => void
  /** Called when going on would do harm: the engine broke, or the lock was taken away. Must end the process at once. */
  abort: (reason: string) => void
}

/**
 * Opens the embedded database and serves it on a Unix socket, to any number of clients of this user.
 * @throws AppError DATABASE_LOCKED when the folder is served already
 */
export async function serve(options: ServeOptions): Promise<RunningServer> {
  const { dataDir, log, abort } = options
  mkdirSync(dataDir, { recursive: true })
  chmodSync(dataDir, 0o700)
  const lock = ServerLock.acquire(dataDir, options.version)
  try {
    const socketDir = socketFolder(dataDir)
    rmSync(join(socketDir, SOCKET_NAME), { force: true })
    const db = await openData(dataDir, log)
    const gate = new ProtocolGate(db, error =>
      abort(`the database engine failed: ${error instanceof Error ? error.stack : String(error)}`),
    )
    const { PGLiteSocketServer } = await import('@electric-sql/pglite-socket')
    const path = join(socketDir, SOCKET_NAME)
    const sockets = new PGLiteSocketServer({ db: gate.shared, path, maxConnections: MAX_CONNECTIONS })
    await sockets.start()
    const server = new RunningServer(options, { lock, socketDir, db, gate, sockets })
    lock.publish({ socketDir, url: server.url })
    log(`ready: ${server.url}`)
    return server
  } catch (error) {
    lock.release()
    throw error
  }
}

interface Parts {
  lock: ServerLock
  socketDir: string
  db: PGlite
  gate: ProtocolGate
  sockets: PGLiteSocketServer
}

/** A server that takes connections, until it is stopped or nobody needs it. */
export class RunningServer {
  readonly url: string
  /** Resolves once everything is closed, whatever the reason. */
  readonly ended: Promise<void>
  readonly maintenance: Maintenance
  readonly #timers: NodeJS.Timeout[]
  #finish: () => void = () => undefined
  #stopping: Promise<void> | undefined
  #lastSeen = Date.now()

  constructor(
    private readonly options: ServeOptions,
    private readonly parts: Parts,
  ) {
    this.url = socketUrl(parts.socketDir)
    this.ended = new Promise(resolve => {
      this.#finish = resolve
    })
    this.maintenance = new Maintenance(parts.gate, options.log)
    parts.sockets.addEventListener('connection', () => {
      this.#lastSeen = Date.now()
    })
    this.#timers = [
      setInterval(() => this.#stopWhenIdle(), IDLE_CHECK_MS),
      setInterval(() => {
        if (!parts.lock.touch()) options.abort(`the lock of ${options.dataDir} is gone`)
      }, HEARTBEAT_MS),
    ]
  }

  stop(reason: string): Promise<void> {
    this.#stopping ??= this.#stop(reason)
    return this.#stopping
  }

  #stopWhenIdle(): void {
    const { idleMs } = this.options
    if (this.parts.sockets.getStats().activeConnections > 0) this.#lastSeen = Date.now()
    else if (idleMs > 0 && Date.now() - this.#lastSeen >= idleMs)
      void this.stop(`nobody was connected for ${idleMs} ms`)
  }

  async #stop(reason: string): Promise<void> {
    const { lock, socketDir, db, sockets } = this.parts
    this.options.log(`stopping: ${reason}`)
    this.maintenance.close()
    await sockets.stop()
    await db.close()
    for (const timer of this.#timers) clearInterval(timer)
    removeSocket(socketDir, this.options.dataDir)
    lock.release()
    this.options.log('stopped')
    this.#finish()
  }
}

/** A new database is made beside its place and moved there when complete, so that an interrupted start leaves no half. */
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
  const db = await PGlite.create({ dataDir: folder, extensions: { vector } })
  await db.exec(SEARCH_PATH)
  return db
}
