import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { AppError } from '../domain/errors.js'
import { redact } from '../domain/text/redact.js'
import { VERSION } from '../version.js'

const OWN_FOLDER = 'Set UNSPLASH_CLIP_HOME to a folder that you may write.'
const ROOM = 'Make room there, or use another place.'
const LIMIT = 'Raise the limit (ulimit -n 4096; LimitNOFILE= of systemd).'

/** What the codes of the system mean, and what to do; empty: it depends on the path. */
const SYSTEM_ERRORS: Record<string, [meaning: string, whatToDo: string]> = {
  EACCES: ['no permission', ''],
  EPERM: ['not permitted', ''],
  EROFS: ['the file system is read-only', ''],
  ENOENT: ['no such file or folder', ''],
  ENOTDIR: ['a part of the path is a file', ''],
  EISDIR: ['it is a folder', ''],
  EEXIST: ['it exists already', ''],
  ELOOP: ['too many links', ''],
  ENAMETOOLONG: ['the name is too long', ''],
  EIO: ['the device does not read or write', 'Check the disk.'],
  ENOSPC: ['the disk is full', ROOM],
  EDQUOT: ['the disk quota is used up', ROOM],
  EMFILE: ['this process may open no more files', LIMIT],
  ENFILE: ['this machine can open no more files', LIMIT],
}

/**
 * The error as one sentence: FILE_FAILED for a file or folder of this machine that cannot be used, INTERNAL_ERROR for
 * every other one that nobody expected, whose stack is written to a file.
 * @param home the folder of the settings; undefined when they could not be read
 */
export function asAppError(error: unknown, home: string | undefined): AppError {
  if (error instanceof AppError) return error
  return fileFailure(error, home) ?? internalError(error, home)
}

/** FILE_FAILED for an error of the file system, also as the cause of another one; null for all others. */
export function fileFailure(error: unknown, home?: string): AppError | null {
  const found = systemErrorOf(error)
  if (found === null) return null
  const { code, syscall, path } = found
  const [usual, whatToDo] = SYSTEM_ERRORS[code!]!
  const meaning = code === 'ENOENT' && syscall === 'mkdir' ? 'no folder can be made there' : usual
  const isMadeFor = (folder: string) => syscall === 'mkdir' && isBelow(folder, path!)
  const isAtHome = home !== undefined && path !== undefined && (isBelow(path, home) || isMadeFor(home))
  const advice = whatToDo || (isAtHome ? OWN_FOLDER : 'Check the path and its permissions.')
  const what = path === undefined ? (syscall ?? 'use a file') : `${syscall ?? 'use'} ${path}`
  return new AppError('FILE_FAILED', `Cannot ${what}: ${meaning} (${code}). ${advice}`, { cause: error })
}

function isBelow(path: string, folder: string): boolean {
  return `${resolve(path)}/`.startsWith(`${resolve(folder)}/`)
}

function systemErrorOf(error: unknown): NodeJS.ErrnoException | null {
  for (
    let cause = error;
    cause instanceof Error;
    cause = cause instanceof AggregateError ? cause.errors[0] : cause.cause
  ) {
    const { code, syscall } = cause as NodeJS.ErrnoException
    if (code !== undefined && syscall !== undefined && code in SYSTEM_ERRORS) return cause as NodeJS.ErrnoException
  }
  return null
}

function internalError(error: unknown, home: string | undefined): AppError {
  const what = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  const stack = error instanceof Error ? (error.stack ?? what) : what
  return new AppError(
    'INTERNAL_ERROR',
    `Unexpected ${what.split('\n')[0]}. This is a fault of the program: please report it. ${keepStack(stack, home)}`,
    {
      cause: error,
    },
  )
}

function keepStack(stack: string, home: string | undefined): string {
  const hint = 'LOG_LEVEL=debug shows its stack.'
  if (home === undefined) return hint
  const file = join(resolve(home), 'last-error.log')
  try {
    writeFileSync(
      file,
      redact(`${new Date().toISOString()} unsplash-clip ${VERSION}, Node ${process.version}\n${stack}\n`),
    )
    return `Its stack is in ${file}.`
  } catch {
    return hint
  }
}
