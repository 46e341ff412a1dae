import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { gated } from './protocol-gate.js'
import { HEARTBEAT_MS, ServerLock } from './server-lock.js'
import { SOCKET_NAME, socketFolder, socketUrl } from './socket-path.js'

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
}

export interface RunningServer {
  url: string
  /** Resolves once everything is closed, whatever the reason. */
  ended: Promise<void>
  stop(reason: string): Promise<void>
}

/**
 * Opens the embedded database and serves it on a Unix socket, to any number of clients of this user.
 * @throws AppError DATABASE_LOCKED when the folder is served already
 */
export async function serve({ dataDir, idleMs, version, log }: ServeOptions): Promise<RunningServer> {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const lock = ServerLock.acquire(dataDir, version)
  try {
    const socketDir = socketFolder(dataDir)
    rmSync(join(socketDir, SOCKET_NAME), { force: true })
    const db = await openData(dataDir, log)
    const { PGLiteSocketServer } = await import('@electric-sql/pglite-socket')
    const server = new PGLiteSocketServer({
      db: gated(db, error => {
        log(`the database engine failed, ending: ${error instanceof Error ? error.stack : String(error)}`)
        process.exit(1)
      }),
      path: join(socketDir, SOCKET_NAME),
      maxConnections: MAX_CONNECTIONS,
    })
    await server.start()

    let lastSeen = Date.now()
    server.addEventListener('connection', () => {
      lastSeen = Date.now()
    })
    const timers = [
      setInterval(() => {
        if (server.getStats().activeConnections > 0) lastSeen = Date.now()
        else if (idleMs > 0 && Date.now() - lastSeen >= idleMs) void stop(`nobody was connected for ${idleMs} ms`)
      }, IDLE_CHECK_MS),
      setInterval(() => {
        if (!lock.touch()) void stop(`the lock file of ${dataDir} is gone`)
      }, HEARTBEAT_MS),
    ]

    let finish: () => void = () => undefined
    const ended = new Promise<void>(resolve => {
      finish = resolve
    })
    let stopping: Promise<void> | undefined
    const stop = (reason: string): Promise<void> => {
      stopping ??= (async () => {
        log(`stopping: ${reason}`)
        for (const timer of timers) clearInterval(timer)
        await server.stop()
        await db.close()
        rmSync(join(socketDir, SOCKET_NAME), { force: true })
        lock.release()
        log('stopped')
        finish()
      })()
      return stopping
    }

    const url = socketUrl(socketDir)
    lock.publish({ socketDir, url })
    log(`ready: ${url}`)
    return { url, ended, stop }
  } catch (error) {
    lock.release()
    throw error
  }
}

/** A new database is made beside its place and moved there when complete, so that an interrupted start leaves no half. */
async function openData(dataDir: string, log: (line: string) => void) {
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
