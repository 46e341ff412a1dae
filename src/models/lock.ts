import { randomUUID } from 'node:crypto'
import { link, open, readFile, rename, rm, stat, utimes } from 'node:fs/promises'
import { hostname } from 'node:os'
import { setTimeout } from 'node:timers/promises'

const SECOND = 1000
const HEARTBEAT_MS = 5 * SECOND
/** A lock whose holder's process cannot be asked (another host) counts as left behind after this silence. */
const STALE_MS = 60 * SECOND
const POLL_MS = 200

interface Holder {
  readonly pid: number
  readonly host: string
  /** Tells two locks of one process apart. */
  readonly token: string
}

/**
 * Runs work while no other process runs work under the same lock file. A lock that a dead process left is taken over.
 * @param onWait told the process that is waited for, at every look
 */
export async function withLock<T>(
  path: string,
  work: () => Promise<T>,
  { signal, onWait }: { signal?: AbortSignal; onWait?: (pid: number) => void } = {},
): Promise<T> {
  const mine: Holder = { pid: process.pid, host: hostname(), token: randomUUID() }
  while (!(await acquire(path, mine))) {
    const held = await readHolder(path)
    if (held === undefined) continue
    if (await isStale(path, held)) await removeStale(path, held)
    else {
      onWait?.(held.pid)
      await setTimeout(POLL_MS, undefined, { signal })
    }
  }
  const heartbeat = setInterval(() => utimes(path, new Date(), new Date()).catch(() => undefined), HEARTBEAT_MS).unref()
  try {
    return await work()
  } finally {
    clearInterval(heartbeat)
    if ((await readHolder(path))?.token === mine.token) await rm(path, { force: true })
  }
}

async function acquire(path: string, mine: Holder): Promise<boolean> {
  try {
    const file = await open(path, 'wx')
    try {
      await file.writeFile(JSON.stringify(mine))
    } finally {
      await file.close()
    }
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

/** Undefined when the lock is gone. A lock whose text is not yet, or no longer, readable belongs to nobody known. */
async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    const value: Partial<Holder> = JSON.parse(await readFile(path, 'utf8'))
    return { pid: value.pid ?? 0, host: value.host ?? '', token: value.token ?? '' }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    if (error instanceof SyntaxError) return { pid: 0, host: '', token: '' }
    throw error
  }
}

async function isStale(path: string, { pid, host }: Holder): Promise<boolean> {
  if (host === hostname() && !isAlive(pid)) return true
  const stats = await stat(path).catch(() => undefined)
  return stats !== undefined && Date.now() - stats.mtimeMs > STALE_MS
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return codeOf(error) !== 'ESRCH'
  }
}

/** Moves the lock away before it looks again: of two processes that find it stale, one must not remove the other's new lock. */
async function removeStale(path: string, seen: Holder): Promise<void> {
  const aside = `${path}.${randomUUID()}`
  try {
    await rename(path, aside)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return
    throw error
  }
  if ((await readHolder(aside))?.token !== seen.token) await link(aside, path).catch(() => undefined)
  await rm(aside, { force: true })
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
