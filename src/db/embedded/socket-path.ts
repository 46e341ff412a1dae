import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import { AppError } from '../../domain/errors.js'
import { errorCode } from '../../domain/text/error-text.js'

/** File name that libpq and pg expect in the host folder, for port 5432. */
export const SOCKET_NAME = '.s.PGSQL.5432'

/** sockaddr_un.sun_path has 104 bytes on macOS and 108 on Linux, including the final zero. */
const MAX_PATH_BYTES = 100

/**
 * Returns the path of the folder with the socket, for addresses. The socket always lies in the data folder, so every
 * process that sees the data sees it, in containers too. Where the path is too long for an address, the result is a link
 * to the data folder, in a private folder of this user.
 */
export function socketFolder(dataDir: string): string {
  const folder = resolve(dataDir)
  if (Buffer.byteLength(join(folder, SOCKET_NAME)) <= MAX_PATH_BYTES) return folder
  const hash = createHash('sha256').update(folder).digest('hex').slice(0, 16)
  const own = join(tmpdir(), `unsplash-clip-${userInfo().uid}`)
  makePrivate(own)
  const link = join(own, hash)
  if (linkTarget(link) !== folder) {
    rmSync(link, { recursive: true, force: true })
    try {
      symlinkSync(folder, link)
    } catch (error) {
      // Another process was faster.
      if (errorCode(error) !== 'EEXIST') throw error
    }
  }
  return link
}

/** Returns the connection string of a socket's folder, in a form that pg, libpq and WHATWG's URL all parse. */
export function socketUrl(folder: string): string {
  return `postgresql:///postgres?host=${folder.split('/').map(encodeURIComponent).join('/')}&user=postgres`
}

function linkTarget(path: string): string | null {
  try {
    return readlinkSync(path)
  } catch {
    return null
  }
}

function makePrivate(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const found = lstatSync(folder)
  if (!found.isDirectory() || found.uid !== userInfo().uid || (found.mode & 0o077) !== 0)
    throw new AppError(
      'EMBEDDED_START_FAILED',
      `Expected ${folder} to be a folder that only this user can open, for the database's socket; found another. Remove it.`,
    )
}
