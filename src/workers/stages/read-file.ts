import { constants } from 'node:fs'
import { type FileHandle, open, readdir, realpath } from 'node:fs/promises'
import { dirname, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { OutOfReachError, PhotoError } from '../../domain/errors.js'

export interface ReadFileOptions {
  /** Folders that may be read, including all subfolders. */
  folders: readonly string[]
  /** Largest file, in bytes. */
  maxBytes: number
}

/**
 * Reads the file of a `file:` URL. Follows links first; their target must lie in one of the folders.
 * @throws PhotoError INVALID_URL, FOLDER_FORBIDDEN, FILE_NOT_FOUND (also for anything but a regular file), TOO_LARGE,
 * EMPTY_BODY; the signal's reason
 */
export async function readImageFile(url: string, options: ReadFileOptions, signal?: AbortSignal): Promise<Buffer> {
  signal?.throwIfAborted()
  const path = pathOf(url)
  const real = await readablePath(url, options)
  // The path has no link left. O_NONBLOCK, so that a named pipe cannot block.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  const file = await open(real, flags).catch(error => {
    throw unreadable(path, error)
  })
  try {
    return await readRegular(file, path, options.maxBytes)
  } finally {
    await file.close()
  }
}

/**
 * The path of a `file:` URL without links, if it lies in one of the folders.
 * @throws PhotoError INVALID_URL, FOLDER_FORBIDDEN, FILE_NOT_FOUND
 */
export async function readablePath(url: string, { folders }: Pick<ReadFileOptions, 'folders'>): Promise<string> {
  const path = pathOf(url)
  const real = await realpath(path).catch((error: NodeJS.ErrnoException) => error)
  const missing = real instanceof Error
  // The answer must not reveal whether a file outside exists.
  if (!isInside(missing ? path : real, missing ? folders : await realFolders(folders)))
    throw new PhotoError('FOLDER_FORBIDDEN', `${path} is outside the folders that may be read`)
  if (missing) throw unreadable(path, real)
  return real
}

/**
 * For a file that another worker may reach.
 * @throws OutOfReachError when its path lies in none of the folders, or in one that is not mounted; PhotoError INVALID_URL
 */
export async function assertInReach(url: string, folders: readonly string[]): Promise<void> {
  const path = pathOf(url)
  const folder = folders.find(folder => isInside(path, [folder]))
  if (folder === undefined || !(await isMounted(folder, path))) throw new OutOfReachError(path)
}

/** An empty folder is that of a disk which is not mounted. @param folder or a single file: then its folder counts */
export async function isMounted(folder: string, path: string): Promise<boolean> {
  return readdir(folder === path ? dirname(path) : folder).then(
    entries => entries.length > 0,
    () => false,
  )
}

export function pathOf(url: string): string {
  try {
    const path = fileURLToPath(url)
    if (!path.includes('\0')) return path
  } catch (cause) {
    throw new PhotoError('INVALID_URL', 'not the URL of a local file', { cause })
  }
  throw new PhotoError('INVALID_URL', 'not the URL of a local file')
}

async function realFolders(folders: readonly string[]): Promise<string[]> {
  const real = await Promise.all(folders.map(folder => realpath(folder).catch(() => null)))
  return real.filter(folder => folder !== null)
}

/** @param folders or single files */
export function isInside(path: string, folders: readonly string[]): boolean {
  return folders.some(folder => {
    const base = resolve(folder)
    return path === base || path.startsWith(base.endsWith(sep) ? base : base + sep)
  })
}

async function readRegular(file: FileHandle, path: string, maxBytes: number): Promise<Buffer> {
  const stat = await file.stat()
  if (!stat.isFile()) throw new PhotoError('FILE_NOT_FOUND', `${path} is not a regular file`)
  if (stat.size > maxBytes) throw new PhotoError('TOO_LARGE', `${path}: ${stat.size} bytes, at most ${maxBytes} taken`)
  const buffer = Buffer.alloc(stat.size)
  let filled = 0
  while (filled < buffer.length) {
    const { bytesRead } = await file.read(buffer, filled).catch(error => {
      throw unreadable(path, error)
    })
    if (bytesRead === 0) break
    filled += bytesRead
  }
  if (filled === 0) throw new PhotoError('EMPTY_BODY', `${path}: no bytes`)
  return buffer.subarray(0, filled)
}

function unreadable(path: string, error: NodeJS.ErrnoException): PhotoError {
  return new PhotoError('FILE_NOT_FOUND', `${path}: ${error.code ?? error.message}`, { cause: error })
}
