import { createHash } from 'node:crypto'
import { type BigIntStats, constants } from 'node:fs'
import { open } from 'node:fs/promises'
import type { FileState, PhotoPlace } from '../../domain/ports/place-repository.js'

const CHUNK_BYTES = 1024 * 1024
/** A file that was modified this shortly before it was read may change again without showing another time. */
export const FRESH_NS = 2_000_000_000n
export const NS_PER_MS = 1_000_000n
const ATTEMPTS = 3

/** A file that is written to while it is read. */
export class ChangingFileError extends Error {
  override readonly name = 'ChangingFileError'
}

/**
 * The digest of a file's bytes, together with the state that belongs to exactly these bytes. Reads the file in parts.
 * @throws ChangingFileError for a file that changed during each of three reads; errors of the file system
 */
export async function digestFile(path: string): Promise<PhotoPlace> {
  // Without O_NONBLOCK a named pipe would block.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES)
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const startNs = BigInt(Date.now()) * NS_PER_MS
      const before = await file.stat({ bigint: true })
      if (!before.isFile()) throw new Error('not a regular file')
      const hash = createHash('sha256')
      for (let position = 0; ; ) {
        const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES, position)
        if (bytesRead === 0) break
        position += bytesRead
        hash.update(buffer.subarray(0, bytesRead))
      }
      const after = await file.stat({ bigint: true })
      if (!isSame(before, after)) continue
      return { ...fileState(path, after), digest: hash.digest(), recheck: after.mtimeNs > startNs - FRESH_NS }
    }
    throw new ChangingFileError('the file changes while it is read')
  } finally {
    await file.close()
  }
}

/** The state of a file, from its stats. */
export function fileState(path: string, stats: BigIntStats): FileState {
  // As Postgres stores it; some file systems use all 64 bits.
  return { path, size: Number(stats.size), mtimeNs: stats.mtimeNs, inode: BigInt.asIntN(64, stats.ino) }
}

function isSame(a: BigIntStats, b: BigIntStats): boolean {
  return a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs
}
