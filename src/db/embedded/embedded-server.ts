import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { AppError } from '../../domain/errors.js'
import { packageRoot } from '../../package-root.js'
import { VERSION } from '../../version.js'
import { EXIT_LOCKED, lockOwner, type ServerState } from './server-lock.js'
import { SOCKET_NAME } from './socket-path.js'

const SECOND = 1000
const POLL_MS = 50
const START_DEADLINE_MS = 90 * SECOND
const STOP_DEADLINE_MS = 20 * SECOND
/** A log that grew past this is begun anew at the next start. */
const MAX_LOG_BYTES = 1024 * 1024
const LOG_TAIL_BYTES = 2000

export interface EmbeddedServerOptions {
  /** Folder of the embedded database; made when absent. */
  dataDir: string
  /** The server ends when nobody was connected for this long; 0: never. Counts only where this call starts it. */
  idleMs: number
  signal?: AbortSignal
}

export interface EmbeddedServer {
  url: string
  pid: number
}

export interface EmbeddedServerStatus extends EmbeddedServer {
  startedAt: Date
  version: string
}

/**
 * Finds the server of a data folder, or starts it in a process of its own that outlives this one. Any number of processes
 * may call this at once: one server comes of it.
 * @throws AppError EMBEDDED_START_FAILED with the end of the server's log
 */
export async function ensureEmbeddedServer(options: EmbeddedServerOptions): Promise<EmbeddedServer> {
  const { dataDir, signal } = options
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const deadline = Date.now() + START_DEADLINE_MS
  let started: Started | undefined
  for (;;) {
    signal?.throwIfAborted()
    const running = await embeddedServerStatus(dataDir)
    if (running !== null) return { url: running.url, pid: running.pid }
    if (started?.failed()) throw startFailed(dataDir, started, 'it ended at once')
    if ((started === undefined || started.refused()) && lockOwner(dataDir) === null) started = start(options)
    if (Date.now() >= deadline) throw startFailed(dataDir, started, `it was not ready after ${START_DEADLINE_MS} ms`)
    await pause(POLL_MS, undefined, { signal })
  }
}

/** The server that takes connections for a data folder; null when there is none. */
export async function embeddedServerStatus(dataDir: string): Promise<EmbeddedServerStatus | null> {
  const state = lockOwner(dataDir)
  if (state === null || state.url === null || !(await answers(state))) return null
  return { url: state.url, pid: state.pid, startedAt: new Date(state.startedAt), version: state.version }
}

/** Ends the server of a data folder and waits until it is gone. @returns whether one was running */
export async function stopEmbeddedServer(dataDir: string): Promise<boolean> {
  const state = lockOwner(dataDir)
  if (state === null) return false
  kill(state.pid, 'SIGTERM')
  const deadline = Date.now() + STOP_DEADLINE_MS
  while (lockOwner(dataDir)?.token === state.token) {
    if (Date.now() >= deadline)
      throw new AppError(
        'DATABASE_LOCKED',
        `Process ${state.pid} did not stop within ${STOP_DEADLINE_MS} ms. End it yourself.`,
      )
    await pause(POLL_MS)
  }
  return true
}

export const embeddedLogPath = (dataDir: string): string => join(dataDir, 'server.log')

interface Started {
  child: ChildProcess
  logFrom: number
  /** Another server was faster. */
  refused(): boolean
  failed(): boolean
}

function start({ dataDir, idleMs }: EmbeddedServerOptions): Started {
  const script = join(packageRoot(), 'dist', 'src', 'db', 'embedded', 'server-main.js')
  if (!existsSync(script))
    throw new AppError('EMBEDDED_START_FAILED', `${script} does not exist. Build the project first: npm run build`)
  const logPath = embeddedLogPath(dataDir)
  const logFrom = statSync(logPath, { throwIfNoEntry: false })?.size ?? 0
  const log = openSync(logPath, logFrom > MAX_LOG_BYTES ? 'w' : 'a', 0o600)
  try {
    const child = spawn(process.execPath, [script, dataDir, String(idleMs), VERSION], {
      detached: true,
      stdio: ['ignore', log, log],
    })
    let spawnFailed = false
    child.on('error', () => {
      spawnFailed = true
    })
    child.unref()
    return {
      child,
      logFrom: logFrom > MAX_LOG_BYTES ? 0 : logFrom,
      refused: () => child.exitCode === EXIT_LOCKED,
      failed: () =>
        spawnFailed || child.signalCode !== null || (child.exitCode !== null && child.exitCode !== EXIT_LOCKED),
    }
  } finally {
    closeSync(log)
  }
}

/** Whether somebody takes connections on the socket. */
function answers(state: ServerState): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(join(state.socketDir!, SOCKET_NAME))
    const settle = (answer: boolean): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => settle(true))
    socket.once('error', () => settle(false))
  })
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It ended meanwhile.
  }
}

function startFailed(dataDir: string, started: Started | undefined, what: string): AppError {
  const path = embeddedLogPath(dataDir)
  const log = existsSync(path) ? readFileSync(path).subarray(started?.logFrom ?? 0) : Buffer.alloc(0)
  const tail = log.subarray(-LOG_TAIL_BYTES).toString('utf8').trim()
  return new AppError(
    'EMBEDDED_START_FAILED',
    `The embedded database in ${dataDir} did not start: ${what}. ${tail === '' ? 'It logged nothing.' : `Its log (${path}) ends with:\n${tail}`}`,
  )
}
