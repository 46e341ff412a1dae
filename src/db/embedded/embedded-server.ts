import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, readFileSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { AppError } from '../../domain/errors.js'
import { SECOND } from '../../domain/units.js'
import { livenessOf } from '../../locks/file-lock.js'
import { processIdentity } from '../../locks/process-identity.js'
import { makeFolder } from '../../make-folder.js'
import { builtFile } from '../../package-root.js'
import { VERSION } from '../../version.js'
import {
  answers,
  EXIT_ELSEWHERE,
  EXIT_LOCKED,
  ServerLock,
  ServerLockedError,
  type ServerState,
  servedElsewhere,
  serverOf,
} from './server-lock.js'
import { listSnapshots, restoreSnapshot, type Snapshot, wayBack } from './snapshots.js'
import { SOCKET_NAME, socketFolder, socketUrl } from './socket-path.js'
import { STOP_PACKET } from './wire/startup.js'

const POLL_MS = 50
/** Pause between two tries to start a server while another process holds the folder. */
const RETRY_START_MS = SECOND
const START_DEADLINE_MS = 90 * SECOND
const STOP_DEADLINE_MS = 20 * SECOND
/** KiB. Postgres's recursion, up to its limit, needs more stack in WebAssembly than Node's 984 KiB. */
const STACK_SIZE = '--stack-size=3900'
/** A larger log is truncated at the next start. */
const MAX_LOG_BYTES = 1024 * 1024
const LOG_TAIL_BYTES = 2000

export interface EmbeddedServerOptions {
  /** Folder of the embedded database; created when absent. */
  dataDir: string
  /** The server stops after this long without connections; 0: never. Only used when this call starts it. */
  idleMs: number
  /** Ends the wait, and the server that this call is starting: whatever it creates begins again at the next start. */
  signal?: AbortSignal | undefined
  /** Called before this call starts a server. @param isNew whether there is no database in the folder yet */
  onStart?: ((isNew: boolean) => void) | undefined
}

export interface EmbeddedServer {
  url: string
  /** In the PID namespace of the server. */
  pid: number
  /** Different for every start of a server. */
  token: string
}

export interface EmbeddedServerStatus extends EmbeddedServer {
  startedAt: Date
  version: string
}

/**
 * Finds the server of a data folder, or starts it in a separate process that outlives this one. Any number of processes
 * may call this at once, also in several containers of one machine: they share one server.
 * @throws AppError EMBEDDED_START_FAILED with the end of the server's log; DATABASE_LOCKED when the folder is served on
 * another machine, or where this process cannot reach it
 */
export async function ensureEmbeddedServer(options: EmbeddedServerOptions): Promise<EmbeddedServer> {
  const { dataDir, signal } = options
  makeFolder(dataDir, 0o700)
  let deadline = Date.now() + START_DEADLINE_MS
  let started: Started | undefined
  let startAgainAt = 0
  for (;;) {
    const running = await embeddedServerStatus(dataDir)
    // Also after the abort: what a stopped command has begun, it records.
    if (running !== null) return { url: running.url, pid: running.pid, token: running.token }
    if (signal?.aborted) {
      await endStarting(started)
      throw signal.reason
    }
    const state = serverOf(dataDir)
    if (started?.elsewhere() && state !== null) throw servedElsewhere(dataDir, state)
    if (state?.copying && livenessOf(state) !== 'dead') deadline = Date.now() + START_DEADLINE_MS
    if (started?.failed()) throw await startFailed(dataDir, started, 'it ended at once')
    const mayStart = started === undefined || (started.refused() && Date.now() >= startAgainAt)
    if (mayStart && (state === null || livenessOf(state) !== 'alive')) {
      if (started === undefined) options.onStart?.(!existsSync(join(dataDir, 'pgdata')))
      started = start(options)
      startAgainAt = Date.now() + RETRY_START_MS
    }
    if (Date.now() >= deadline)
      throw await startFailed(dataDir, started, `it was not ready after ${START_DEADLINE_MS} ms`)
    await pause(POLL_MS, undefined, { signal }).catch(() => {})
  }
}

/** Returns the server that accepts connections for a data folder; null when there is none. */
export async function embeddedServerStatus(dataDir: string): Promise<EmbeddedServerStatus | null> {
  const state = serverOf(dataDir)
  // A killed process keeps its socket until its last thread has ended.
  if (!state?.ready || livenessOf(state) === 'dead' || !(await answers(dataDir))) return null
  const url = socketUrl(socketFolder(dataDir))
  return { url, pid: state.pid, token: state.token, startedAt: new Date(state.startedAt), version: state.version }
}

/**
 * Stops the server of a data folder and waits for its end. Asks it at its socket, in containers too. Without an answer,
 * a process of this PID namespace gets a signal, while its start time is that of the server.
 * @returns whether one was running
 * @throws AppError DATABASE_LOCKED when the server runs where it cannot be reached, or does not stop
 */
export async function stopEmbeddedServer(dataDir: string): Promise<boolean> {
  const state = await runningServer(dataDir)
  if (state === null) return false
  if (!(await requestStop(dataDir))) {
    if (livenessOf(state) === 'unknown') throw servedElsewhere(dataDir, state)
    signalServer(state)
  }
  const deadline = Date.now() + STOP_DEADLINE_MS
  for (let now = serverOf(dataDir); now?.token === state.token; now = serverOf(dataDir)) {
    if (livenessOf(state) === 'dead') break
    if (Date.now() >= deadline && !now.copying)
      throw new AppError(
        'DATABASE_LOCKED',
        `Process ${state.pid} on ${state.host} did not stop within ${STOP_DEADLINE_MS} ms. Wait for its statement to end, or end it there with: kill ${state.pid}`,
      )
    await pause(POLL_MS)
  }
  return true
}

/** @returns whether the server took the request */
function requestStop(dataDir: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(join(socketFolder(dataDir), SOCKET_NAME))
    let connected = false
    socket.once('connect', () => {
      connected = true
      socket.write(STOP_PACKET)
    })
    socket.on('error', () => undefined)
    socket.once('close', () => resolve(connected))
    socket.resume()
  })
}

/**
 * Returns the server that holds the folder, also one that starts or stops. Taking the lock is the only way to tell that
 * there is none.
 */
async function runningServer(dataDir: string): Promise<ServerState | null> {
  const state = serverOf(dataDir)
  if (state === null) return null
  try {
    ;(await ServerLock.take(dataDir, VERSION)).release()
    return null
  } catch (error) {
    if (!(error instanceof ServerLockedError) || error.elsewhere) throw error
    return serverOf(dataDir)
  }
}

/** Returns the snapshots of a data folder, the newest first. */
export const embeddedSnapshots = (dataDir: string): Promise<Snapshot[]> => listSnapshots(dataDir)

/**
 * Returns to a snapshot, the newest unless named. The present data stay beside it.
 * @returns the snapshot, and the folder with the former data
 * @throws AppError DATABASE_LOCKED while a server runs; USAGE without such a snapshot
 */
export async function restoreEmbedded(
  dataDir: string,
  name?: string,
): Promise<{ snapshot: Snapshot; former: string | null }> {
  makeFolder(dataDir, 0o700)
  const lock = await ServerLock.take(dataDir, VERSION)
  try {
    return await restoreSnapshot(dataDir, name)
  } finally {
    lock.release()
  }
}

export const embeddedLogPath = (dataDir: string): string => join(dataDir, 'server.log')

interface Started {
  child: ChildProcess
  logFrom: number
  /** Whether another server was faster. */
  refused(): boolean
  /** Whether the folder is served where this process cannot see it. */
  elsewhere(): boolean
  failed(): boolean
}

function start({ dataDir, idleMs }: EmbeddedServerOptions): Started {
  const script = builtFile('db/embedded/server-main.js')
  const logPath = embeddedLogPath(dataDir)
  const logFrom = statSync(logPath, { throwIfNoEntry: false })?.size ?? 0
  const log = openSync(logPath, logFrom > MAX_LOG_BYTES ? 'w' : 'a', 0o600)
  try {
    const child = spawn(process.execPath, [STACK_SIZE, script, dataDir, String(idleMs), VERSION], {
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
      refused: () => child.exitCode === EXIT_LOCKED || child.exitCode === EXIT_ELSEWHERE,
      elsewhere: () => child.exitCode === EXIT_ELSEWHERE,
      failed: () =>
        spawnFailed || child.signalCode !== null || ![null, EXIT_LOCKED, EXIT_ELSEWHERE].includes(child.exitCode),
    }
  } finally {
    closeSync(log)
  }
}

/** A server that is not ready yet has no handler of the signal, and ends at once. */
async function endStarting(started: Started | undefined): Promise<void> {
  if (started === undefined) return
  const { child } = started
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.ref()
  child.kill('SIGTERM')
  await ended
}

function signalServer({ pid, identity }: ServerState): void {
  try {
    if (processIdentity(pid) === identity) process.kill(pid, 'SIGTERM')
  } catch {
    // It has already ended.
  }
}

async function startFailed(dataDir: string, started: Started | undefined, what: string): Promise<AppError> {
  const path = embeddedLogPath(dataDir)
  const log = existsSync(path) ? readFileSync(path).subarray(started?.logFrom ?? 0) : Buffer.alloc(0)
  const tail = log.subarray(-LOG_TAIL_BYTES).toString('utf8').trim()
  return new AppError(
    'EMBEDDED_START_FAILED',
    `The embedded database in ${dataDir} did not start: ${what}. ${tail === '' ? 'It logged nothing.' : `Its log (${path}) ends with:\n${tail}`}\n${await wayBack(dataDir)}`,
  )
}
