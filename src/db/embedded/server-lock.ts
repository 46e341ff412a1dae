import { randomUUID } from 'node:crypto'
import {
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { AppError } from '../../domain/errors.js'
import { processIdentity } from './process-identity.js'

/** Exit status of a server that found its folder served already. */
export const EXIT_LOCKED = 3

/** How often the owner touches its lock, and after what silence one of another host counts as abandoned. */
export const HEARTBEAT_MS = 5_000
const ABANDONED_MS = 60_000

/** Content of the lock file: who serves the folder, and where. */
export interface ServerState {
  /** Made anew for every server, so that one lock is never taken for another. */
  token: string
  pid: number
  /** See `processIdentity`. */
  identity: string
  host: string
  startedAt: string
  /** Version of the package that serves. */
  version: string
  /** Folder of the socket; null until the server takes connections. */
  socketDir: string | null
  url: string | null
}

export const lockPath = (dataDir: string): string => join(dataDir, 'server.json')

/** Who holds the lock of a folder; null when nobody does, or only somebody dead. */
export function lockOwner(dataDir: string): ServerState | null {
  const state = readLock(dataDir)
  return state !== null && isAlive(state, dataDir) ? state : null
}

/**
 * Lock of a data folder, held by at most one living process. Creating the file is atomic (a hard link), and the file of a
 * dead owner may be removed only by who made the folder that carries the dead lock's token: two processes that both
 * found it stale cannot remove the lock of the one that was faster.
 */
export class ServerLock {
  #state: ServerState

  private constructor(
    readonly dataDir: string,
    state: ServerState,
  ) {
    this.#state = state
  }

  get state(): Readonly<ServerState> {
    return this.#state
  }

  /** @throws AppError DATABASE_LOCKED naming the process that holds it */
  static acquire(dataDir: string, version: string): ServerLock {
    const state: ServerState = {
      token: randomUUID(),
      pid: process.pid,
      identity: processIdentity(process.pid) ?? String(process.pid),
      host: hostname(),
      startedAt: new Date().toISOString(),
      version,
      socketDir: null,
      url: null,
    }
    const own = `${lockPath(dataDir)}.${state.token}`
    writeFileSync(own, JSON.stringify(state), { mode: 0o600 })
    try {
      for (;;) {
        try {
          linkSync(own, lockPath(dataDir))
          return new ServerLock(dataDir, state)
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
        }
        const owner = readLock(dataDir)
        if (owner !== null && isAlive(owner, dataDir)) throw locked(dataDir, owner)
        removeStale(dataDir, owner)
      }
    } finally {
      unlinkSync(own)
    }
  }

  /** Makes known that connections are taken. */
  publish(where: { socketDir: string; url: string }): void {
    this.#state = { ...this.#state, ...where }
    const next = `${lockPath(this.dataDir)}.${this.#state.token}`
    writeFileSync(next, JSON.stringify(this.#state), { mode: 0o600 })
    renameSync(next, lockPath(this.dataDir))
  }

  /** Shows to other hosts that the owner lives. @returns whether the lock is still this one's */
  touch(): boolean {
    if (readLock(this.dataDir)?.token !== this.#state.token) return false
    const now = new Date()
    utimesSync(lockPath(this.dataDir), now, now)
    return true
  }

  release(): void {
    if (readLock(this.dataDir)?.token === this.#state.token) unlinkSync(lockPath(this.dataDir))
  }
}

function readLock(dataDir: string): ServerState | null {
  try {
    return JSON.parse(readFileSync(lockPath(dataDir), 'utf8')) as ServerState
  } catch {
    return null
  }
}

function isAlive(state: ServerState, dataDir: string): boolean {
  if (state.host === hostname()) return processIdentity(state.pid) === state.identity
  try {
    return Date.now() - statSync(lockPath(dataDir)).mtimeMs < ABANDONED_MS
  } catch {
    return false
  }
}

function removeStale(dataDir: string, stale: ServerState | null): void {
  const right = `${lockPath(dataDir)}.${stale?.token ?? 'unreadable'}.stale`
  try {
    mkdirSync(right)
  } catch {
    // Another process is removing it, or died while it did: after a moment the right passes on.
    if (Date.now() - (statSync(right, { throwIfNoEntry: false })?.mtimeMs ?? 0) > ABANDONED_MS) removeFolder(right)
    return
  }
  try {
    const now = readLock(dataDir)
    if (now?.token === stale?.token) unlinkSync(lockPath(dataDir))
  } catch {
    // It is gone already.
  } finally {
    removeFolder(right)
  }
}

function removeFolder(path: string): void {
  try {
    rmdirSync(path)
  } catch {
    // Somebody else removed it.
  }
}

function locked(dataDir: string, owner: ServerState): AppError {
  return new AppError(
    'DATABASE_LOCKED',
    `${dataDir} is already served by process ${owner.pid} on ${owner.host}, since ${owner.startedAt}. Use that server, or stop it first with \`unsplash-clip db stop\`.`,
  )
}
