import { inspect } from 'node:util'
import { AppError } from '../../domain/errors.js'

/** What the engine's file system throws is no Error, and has only a number: those of WASI. */
const OF_FILES: Record<number, string> = {
  2: 'permission denied (EACCES)',
  19: 'the quota of the disk is used up (EDQUOT)',
  29: 'the disk failed (EIO)',
  33: 'too many files are open (EMFILE)',
  51: 'no space is left on the disk (ENOSPC)',
  63: 'not permitted (EPERM)',
  69: 'the file system is read-only (EROFS)',
}

/** What ended the server, for its log. */
export function textOfFailure(error: unknown): string {
  if (error instanceof AppError) return error.message
  if (error instanceof Error) return error.stack ?? error.message
  const { errno } = (error ?? {}) as { errno?: number }
  const known = errno === undefined ? undefined : OF_FILES[errno]
  return known === undefined ? inspect(error) : `The engine cannot use its files: ${known}.`
}
