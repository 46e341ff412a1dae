import { randomUUID } from 'node:crypto'
import {
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmdirSync,
  statSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { errorCode } from '../domain/text/error-text.js'
import { SECOND } from '../domain/units.js'
import { type Place, processIdentity, seesProcessesOf, thisPlace } from './process-identity.js'

/** How often an owner touches its lock file. */
export const HEARTBEAT_MS = 5 * SECOND
/** An owner that this process cannot check counts as gone after this silence. */
const SILENCE_MS = 60 * SECOND
const POLL_MS = 200

/** Content of a lock file. */
export interface LockOwner {
  /** Different for every lock, so that one lock is never taken for another. */
  token: string
  pid: number
  /** See `processIdentity`. */
  identity: string
  host: string
  startedAt: string
  /** Where the process runs. */
  place: Place
}

/** What this process can tell of an owner. */
export type Liveness = 'alive' | 'dead' | 'unknown'

export interface LockRules {
  /**
   * Whether an owner on this host that stopped touching its lock counts as gone although its process lives. For work that
   * may run twice; an owner that blocks its event loop for minutes must not use it.
   */
  expiresWhenSilent?: boolean
  /** Replaces all other rules: the one lock that may be removed, because its owner is known to be gone. */
  gone?: LockOwner | null
}

/**
 * A lock file, held by at most one living process:
 *
 *     absent ── acquire: link(2) the complete file into place ──> owned ── release ──> absent
 *     owned, owner gone ── mkdir "<path>.<token>.stale", check the token again, unlink ──> absent
 *
 * `link` fails where the file exists, so one process wins and nobody reads half a file. `mkdir` gives the right to remove
 * one dead lock to one process: two processes that both found it stale cannot remove the lock of the faster one.
 * An owner in this place (boot and PID namespace) is alive while the process with its number and start time runs. Of an
 * owner elsewhere, in a container or on another host, only the file tells: it is alive while it touches the file. The
 * clock of the file system measures that, because clocks of hosts differ.
 */
export class FileLock<Details extends object = object> {
  #content: LockOwner & Details

  private constructor(
    readonly path: string,
    content: LockOwner & Details,
  ) {
    this.#content = content
  }

  get content(): Readonly<LockOwner & Details> {
    return this.#content
  }

  /** @returns the lock, or the living owner; null when a stale lock is being removed: try again */
  static tryAcquire<Details extends object>(
    path: string,
    details: Details,
    rules: LockRules = {},
  ): FileLock<Details> | (LockOwner & Partial<Details>) | null {
    const content = {
      token: randomUUID(),
      pid: process.pid,
      identity: processIdentity(process.pid) ?? String(process.pid),
      host: thisPlace().host,
      startedAt: new Date().toISOString(),
      place: thisPlace(),
      ...details,
    }
    const own = `${path}.${content.token}`
    writeFileSync(own, JSON.stringify(content), { mode: 0o600 })
    try {
      linkSync(own, path)
      return new FileLock(path, content)
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error
    } finally {
      unlinkSync(own)
    }
    const owner = readLock<Details>(path)
    const remains = rules.gone === undefined ? isHeld(path, owner, rules) : owner?.token !== rules.gone?.token
    if (owner !== null && remains) return owner
    removeStale(path, owner)
    return null
  }

  /** Replaces the details, atomically for readers. */
  publish(details: Partial<Details>): void {
    this.#content = { ...this.#content, ...details }
    const next = `${this.path}.${this.#content.token}`
    writeFileSync(next, JSON.stringify(this.#content), { mode: 0o600 })
    renameSync(next, this.path)
  }

  /** Shows that the owner lives. @returns whether the lock still belongs to it */
  touch(): boolean {
    let fd: number
    try {
      fd = openSync(this.path, 'r+')
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return false
      throw error
    }
    try {
      const content = readFileSync(fd, 'utf8')
      if (parseLock(content)?.token !== this.#content.token) return false
      // Writing the same bytes makes the file system set the time; utimes(2) would set that of this host.
      writeSync(fd, content, 0)
      return true
    } finally {
      closeSync(fd)
    }
  }

  release(): void {
    if (readLock(this.path)?.token === this.#content.token) unlinkSync(this.path)
  }
}

/** The owner of a lock that may be alive; null without a lock, or when its owner is gone. */
export function lockOwner<Details extends object>(path: string): (LockOwner & Details) | null {
  const owner = readLock<Details>(path)
  return isHeld(path, owner) ? owner : null
}

/**
 * Runs work while no other process runs work under the same lock file, after waiting for its turn.
 * @param onWait receives the process that holds the lock, on every look
 */
export async function withFileLock<T>(
  path: string,
  work: () => Promise<T>,
  { signal, onWait }: { signal?: AbortSignal; onWait?: (pid: number) => void } = {},
): Promise<T> {
  const lock = await acquireWhenFree(path, signal, onWait)
  const heartbeat = setInterval(() => keepTouching(lock), HEARTBEAT_MS).unref()
  try {
    return await work()
  } finally {
    clearInterval(heartbeat)
    lock.release()
  }
}

async function acquireWhenFree(path: string, signal?: AbortSignal, onWait?: (pid: number) => void): Promise<FileLock> {
  for (;;) {
    signal?.throwIfAborted()
    const found = FileLock.tryAcquire(path, {}, { expiresWhenSilent: true })
    if (found instanceof FileLock) return found
    if (found === null) continue
    onWait?.(found.pid)
    await pause(POLL_MS, undefined, { signal })
  }
}

/** A folder that is gone for a moment is no reason to end the process: the work itself fails if it needs it. */
function keepTouching(lock: FileLock): void {
  try {
    lock.touch()
  } catch {}
}

/** Returns the owner that a lock names, alive or not. */
export function readLock<Details extends object>(path: string): (LockOwner & Details) | null {
  try {
    return parseLock(readFileSync(path, 'utf8'))
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null
    throw error
  }
}

/** A file that is no lock has no owner: `link` only ever puts complete ones into place. */
function parseLock<Details extends object>(text: string): (LockOwner & Details) | null {
  try {
    const content: unknown = JSON.parse(text)
    return typeof content === 'object' && content !== null && 'token' in content
      ? (content as LockOwner & Details)
      : null
  } catch {
    return null
  }
}

/** Whether the owner of a lock lives; 'unknown' for one whose process this process cannot see. */
export function livenessOf(owner: LockOwner): Liveness {
  if (!seesProcessesOf(owner.place ?? {})) return 'unknown'
  return processIdentity(owner.pid) === owner.identity ? 'alive' : 'dead'
}

function isHeld(path: string, owner: LockOwner | null, { expiresWhenSilent = false }: LockRules = {}): boolean {
  if (owner === null) return false
  const liveness = livenessOf(owner)
  if (liveness === 'dead') return false
  return liveness === 'alive' && !expiresWhenSilent ? true : !isSilent(path)
}

/** Whether nobody has touched a lock for a minute, by the clock of the file system. A lock that is gone is silent. */
export function isSilent(path: string): boolean {
  const touched = statSync(path, { throwIfNoEntry: false })?.mtimeMs
  return touched === undefined || fileSystemTime(path) - touched >= SILENCE_MS
}

/** Milliseconds of the clock that gives files beside this one their times. */
function fileSystemTime(path: string): number {
  const probe = `${path}.${randomUUID()}.now`
  writeFileSync(probe, '', { mode: 0o600 })
  try {
    return statSync(probe).mtimeMs
  } finally {
    unlinkSync(probe)
  }
}

function removeStale(path: string, stale: LockOwner | null): void {
  const right = `${path}.${stale?.token ?? 'unreadable'}.stale`
  try {
    mkdirSync(right)
  } catch {
    // Another process is removing it, or died meanwhile: after a silence the right passes on.
    if (isSilent(right)) removeFolder(right)
    return
  }
  try {
    if (readLock(path)?.token === stale?.token) unlinkSync(path)
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
    // Another process removed it.
  }
}
