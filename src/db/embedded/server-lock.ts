import { connect } from 'node:net'
import { join } from 'node:path'
import { AppError } from '../../domain/errors.js'
import { FileLock, isSilent, type LockOwner, livenessOf, readLock } from '../../locks/file-lock.js'
import { OsLock } from '../../locks/os-lock.js'
import { isSameBoot, thisPlace } from '../../locks/process-identity.js'
import { SOCKET_NAME, socketFolder } from './socket-path.js'

/** Exit status of a server whose folder is already served; waiting may help. */
export const EXIT_LOCKED = 3
/** Exit status of a server whose folder is served where this process cannot see it; waiting does not help. */
export const EXIT_ELSEWHERE = 4

interface ServerDetails {
  /** Version of the package that serves. */
  version: string
  /** Whether the server accepts connections. */
  ready: boolean
  /** Whether the server has closed the database and copies it; that may take long. */
  copying?: boolean
}

/** Content of the lock file: the process that serves the folder. */
export type ServerState = LockOwner & ServerDetails

export const lockPath = (dataDir: string): string => join(dataDir, 'server.json')

/** Returns the server that the lock file names, whether or not it lives; null without one. */
export function serverOf(dataDir: string): ServerState | null {
  return readLock<ServerDetails>(lockPath(dataDir))
}

export class ServerLockedError extends AppError {
  /** @param elsewhere whether the server runs where this process cannot see it */
  constructor(
    message: string,
    readonly elsewhere: boolean,
  ) {
    super('DATABASE_LOCKED', message)
  }
}

/**
 * The right to open the engine on a data folder. Two engines on one folder destroy it, so every sign of life counts:
 *
 * 1. The kernel's lock on `engine.lock` is the last word on one machine, across containers and network namespaces.
 * 2. Somebody who answers at the socket is alive, whatever the lock file says.
 * 3. The lock file names the owner. It is removed only where its owner is known to be gone: its process ended in this PID
 *    namespace; or the kernel's lock is free on the boot that it names; or this machine was restarted since, and nobody
 *    has touched the file for a minute by the file system's clock. The lock of another machine is never removed.
 */
export class ServerLock {
  private constructor(
    private readonly file: FileLock<ServerDetails>,
    private readonly kernel: OsLock | undefined,
  ) {}

  /** @throws ServerLockedError naming the process that serves the folder */
  static async take(dataDir: string, version: string): Promise<ServerLock> {
    const kernel = OsLock.take(join(dataDir, 'engine.lock'))
    if (kernel === 'held') throw inUse(dataDir, serverOf(dataDir))
    const os = kernel === 'unavailable' ? undefined : kernel
    try {
      for (;;) {
        const owner = serverOf(dataDir)
        await assertGone(dataDir, owner, os !== undefined)
        const found = FileLock.tryAcquire<ServerDetails>(lockPath(dataDir), { version, ready: false }, { gone: owner })
        if (found instanceof FileLock) return new ServerLock(found, os)
      }
    } catch (error) {
      os?.release()
      throw error
    }
  }

  get content(): Readonly<ServerState> {
    return this.file.content
  }

  publishReady(): void {
    this.file.publish({ ready: true })
  }

  publishSnapshot(): void {
    this.file.publish({ ready: false, copying: true })
  }

  /** Shows that the owner lives. @returns whether the lock still belongs to it */
  touch(): boolean {
    return this.file.touch() && (this.kernel?.isInPlace() ?? true)
  }

  release(): void {
    this.file.release()
    this.kernel?.release()
  }
}

/** Returns whether a server accepts connections in a data folder. It answers across containers of one machine. */
export function answers(dataDir: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(join(socketFolder(dataDir), SOCKET_NAME))
    const settle = (answer: boolean): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => settle(true))
    // EAGAIN: somebody listens, with a full backlog.
    socket.once('error', (error: NodeJS.ErrnoException) => settle(error.code === 'EAGAIN'))
  })
}

async function assertGone(dataDir: string, owner: ServerState | null, locked: boolean): Promise<void> {
  if (await answers(dataDir)) throw inUse(dataDir, owner)
  if (owner === null) return
  switch (livenessOf(owner)) {
    case 'alive':
      throw inUse(dataDir, owner)
    case 'dead':
      return
    case 'unknown': {
      if (isSameBoot(owner.place ?? {})) {
        if (locked) return
      } else if (wasHere(owner) && locked) {
        if (isSilent(lockPath(dataDir))) return
        throw inUse(dataDir, owner)
      }
      throw servedElsewhere(dataDir, owner)
    }
  }
}

/** Whether the owner ran on this machine before a restart. */
function wasHere({ place }: ServerState): boolean {
  const { machine, host } = thisPlace()
  return machine !== '' && place?.machine === machine && place.host === host
}

function inUse(dataDir: string, owner: ServerState | null): ServerLockedError {
  return new ServerLockedError(
    `${dataDir} is already served by ${owner === null ? 'another process' : describeServer(owner)}. Use that server, or stop it first with \`unsplash-clip db stop\`.`,
    owner !== null && !isSameBoot(owner.place ?? {}) && !wasHere(owner),
  )
}

/** The folder is served, or was left locked, where this process cannot see it. */
export function servedElsewhere(dataDir: string, owner: ServerState): ServerLockedError {
  return new ServerLockedError(
    `${dataDir} is locked by ${describeServer(owner)}, ${isSameBoot(owner.place ?? {}) ? 'in another container of this machine' : 'on another machine'}, and its socket does not answer here. Two servers on one folder would destroy it. Stop that one where it runs, with \`unsplash-clip db stop\`. If it is certain that it no longer runs, remove ${lockPath(dataDir)}. To use one database from several machines, set DATABASE_URL.`,
    true,
  )
}

export const describeServer = (owner: ServerState): string =>
  `process ${owner.pid} on ${owner.host}, since ${owner.startedAt}`
