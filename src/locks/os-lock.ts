import { spawnSync } from 'node:child_process'
import { closeSync, constants, fstatSync, openSync, statSync } from 'node:fs'
import { errorCode } from '../domain/text/error-text.js'

/** Flag of open(2) on macOS: also lock the file. Node passes it through. */
const O_EXLOCK = 0x20
/** Descriptor of the file in the child. */
const CHILD_FD = 3

/**
 * A lock that the kernel holds for this process, and frees when the process ends in any way. It does not depend on process
 * numbers, host names or clocks, so it holds between containers that share a folder. NFS shares it between hosts; file
 * systems that a virtual machine gets from its host usually do not.
 *
 * The lock is flock(2), which Node does not offer. On Linux the program `flock` (util-linux, BusyBox) locks a descriptor
 * that it inherits: the lock belongs to the open file, which this process keeps. On macOS open(2) locks.
 * The file stays when the lock is released: removing it would let two processes lock two files of one name.
 */
export class OsLock {
  private constructor(
    private readonly path: string,
    private readonly fd: number,
  ) {}

  /** @returns 'held' when another process holds it; 'unavailable' where this platform or file system has no such lock */
  static take(path: string): OsLock | 'held' | 'unavailable' {
    if (process.platform === 'darwin') return takeByOpening(path, fd => new OsLock(path, fd))
    const fd = openSync(path, 'a', 0o600)
    const { status, stderr } = spawnSync('flock', ['-xn', String(CHILD_FD)], {
      stdio: ['ignore', 'ignore', 'pipe', fd],
      encoding: 'utf8',
    })
    if (status === 0) return new OsLock(path, fd)
    closeSync(fd)
    return status === 1 && stderr === '' ? 'held' : 'unavailable'
  }

  /** Whether the path still names the locked file; someone may have removed it. */
  isInPlace(): boolean {
    const found = statSync(this.path, { throwIfNoEntry: false })
    return found !== undefined && found.ino === fstatSync(this.fd).ino
  }

  release(): void {
    closeSync(this.fd)
  }
}

function takeByOpening(path: string, locked: (fd: number) => OsLock): OsLock | 'held' | 'unavailable' {
  try {
    return locked(openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NONBLOCK | O_EXLOCK, 0o600))
  } catch (error) {
    if (errorCode(error) === 'EAGAIN') return 'held'
    if (errorCode(error) === 'ENOTSUP' || errorCode(error) === 'EOPNOTSUPP') return 'unavailable'
    throw error
  }
}
