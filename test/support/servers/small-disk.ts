import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { requires } from './requirements.js'

/** A file system in memory that a test can fill up. */
export interface SmallDisk {
  /** A folder on it that belongs to the given user. */
  folder: string
  /** Leaves no byte. */
  fill(): void
  /** Takes back what {@link fill} took. */
  free(): void
  unmount(): void
}

/** Mounting needs root, and a container with the right to mount. */
export function canMount(): boolean {
  const probe = mkdtempSync(join(tmpdir(), 'uc-mount-'))
  let isMounted = false
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', probe], { stdio: 'ignore' })
    isMounted = true
    execFileSync('umount', [probe])
  } catch {
    // Said below.
  }
  rmSync(probe, { recursive: true })
  return requires('The right to mount a small file system', isMounted, 'Run the test as root.')
}

export function mountSmallDisk(megabytes: number, owner: { uid: number; gid: number } | undefined): SmallDisk {
  const mountPoint = mkdtempSync(join(tmpdir(), 'uc-disk-'))
  chmodSync(mountPoint, 0o755)
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=755`, 'tmpfs', mountPoint])
  const folder = join(mountPoint, 'data')
  mkdirSync(folder)
  if (owner) chownSync(folder, owner.uid, owner.gid)
  const filler = join(mountPoint, 'filler')
  return {
    folder,
    fill() {
      const file = openSync(filler, 'a')
      const block = Buffer.alloc(4096)
      try {
        for (;;) writeSync(file, block)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      } finally {
        closeSync(file)
      }
    },
    free: () => rmSync(filler, { force: true }),
    unmount() {
      execFileSync('umount', ['-l', mountPoint])
      rmSync(mountPoint, { recursive: true })
    },
  }
}
