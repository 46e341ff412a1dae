import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync, rmSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import { AppError } from '../../domain/errors.js'

/** The name that libpq and pg look for in the folder given as host, for port 5432. */
export const SOCKET_NAME = '.s.PGSQL.5432'

/** sockaddr_un.sun_path holds 104 bytes on macOS and 108 on Linux, with the closing zero. */
const MAX_PATH_BYTES = 100

/** Folder for the socket: the data folder, or, where that path is too long for a socket, a private one of this user. */
export function socketFolder(dataDir: string): string {
  const folder = resolve(dataDir)
  if (Buffer.byteLength(join(folder, SOCKET_NAME)) <= MAX_PATH_BYTES) return folder
  const hash = createHash('sha256').update(folder).digest('hex').slice(0, 16)
  const own = join(tmpdir(), `unsplash-clip-${userInfo().uid}`)
  makePrivate(own)
  makePrivate(join(own, hash))
  return join(own, hash)
}

/** Connection string of a socket's folder, in a form that pg, libpq and WHATWG's URL all read. */
export function socketUrl(folder: string): string {
  return `postgresql:///postgres?host=${folder.split('/').map(encodeURIComponent).join('/')}&user=postgres`
}

/** Removes the socket, and its folder where that is not the data folder. */
export function removeSocket(folder: string, dataDir: string): void {
  if (resolve(folder) === resolve(dataDir)) rmSync(join(folder, SOCKET_NAME), { force: true })
  else rmSync(folder, { recursive: true, force: true })
}

function makePrivate(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const found = lstatSync(folder)
  if (!found.isDirectory() || found.uid !== userInfo().uid || (found.mode & 0o077) !== 0)
    throw new AppError(
      'EMBEDDED_START_FAILED',
      `${folder} must be a folder that only this user can open, because the database's socket goes there. Remove it.`,
    )
}
