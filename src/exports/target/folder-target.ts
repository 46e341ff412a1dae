import { existsSync } from 'node:fs'
import { mkdir, open, readdir, readFile, rename, rm, rmdir } from 'node:fs/promises'
import { dirname, join, resolve, sep } from 'node:path'
import { AppError } from '../../domain/errors.js'
import { errorCode } from '../../domain/text/error-text.js'
import { FileLock } from '../../locks/file-lock.js'
import { makeFolder } from '../../make-folder.js'
import type { ExportTarget } from './export-target.js'

/** Holds unfinished files and the lock, on the same file system. Readers of data sets leave hidden folders out. */
const UNFINISHED = '.unfinished'
const LOCK = 'lock'
/** Attempts to take over the lock of a process that was killed. */
const ATTEMPTS = 5

/** A folder, used by one export at a time. */
export class FolderTarget implements ExportTarget {
  readonly location: string
  readonly #unfinished: string
  #lock: FileLock | undefined
  #isNew = false

  constructor(folder: string) {
    this.location = resolve(folder)
    this.#unfinished = join(this.location, UNFINISHED)
  }

  async open(): Promise<void> {
    this.#isNew = !existsSync(this.location)
    makeFolder(this.#unfinished)
    for (let attempt = 1; this.#lock === undefined; attempt++) {
      const lock = FileLock.tryAcquire(join(this.#unfinished, LOCK), {})
      if (lock instanceof FileLock) this.#lock = lock
      else if (lock !== null || attempt === ATTEMPTS)
        throw new AppError(
          'TARGET_BUSY',
          `Expected a folder that nothing else writes to; process ${lock?.pid ?? 'unknown'} on ${lock?.host ?? 'this machine'} exports to ${this.location}. Wait for it, or name another folder.`,
        )
    }
  }

  async list(): Promise<Set<string>> {
    const entries = await readdir(this.location, { recursive: true, withFileTypes: true }).catch(error => {
      if (errorCode(error) === 'ENOENT') return []
      throw error
    })
    const names = entries
      .filter(entry => !entry.isDirectory())
      .map(entry =>
        join(entry.parentPath, entry.name)
          .slice(this.location.length + 1)
          .split(sep)
          .join('/'),
      )
    return new Set(names.filter(name => !name.startsWith(`${UNFINISHED}/`)))
  }

  async read(name: string): Promise<Buffer | null> {
    return readFile(this.#path(name)).catch(error => {
      if (errorCode(error) === 'ENOENT') return null
      throw error
    })
  }

  async write(name: string, bytes: Uint8Array): Promise<void> {
    const path = this.unfinished(name)
    await rm(path, { force: true })
    const file = await open(path, 'wx')
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    await this.publish(name)
  }

  unfinished(name: string): string {
    return join(this.#unfinished, name.replaceAll('/', '~'))
  }

  async publish(name: string): Promise<void> {
    const path = this.#path(name)
    const made = await mkdir(dirname(path), { recursive: true })
    await rename(this.unfinished(name), path)
    await flushFolder(dirname(path))
    if (made !== undefined) await flushFolder(dirname(made))
  }

  async remove(names: readonly string[]): Promise<void> {
    for (const name of names) await rm(this.#path(name), { force: true })
    // A folder that holds something else stays.
    const folders = new Set(names.map(dirname).filter(folder => folder !== '.'))
    for (const folder of folders) await rmdir(this.#path(folder)).catch(() => {})
  }

  async discard(): Promise<void> {
    for (const name of await readdir(this.#unfinished))
      if (name !== LOCK) await rm(join(this.#unfinished, name), { force: true })
  }

  async close(): Promise<void> {
    if (this.#lock === undefined) return
    await this.discard()
    this.#lock.release()
    await rmdir(this.#unfinished).catch(() => {})
    // After a failure it may be empty.
    if (this.#isNew) await rmdir(this.location).catch(() => {})
  }

  #path(name: string): string {
    return join(this.location, name)
  }
}

/** Writes the entries of a folder to the disk, where the file system supports it. */
async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } catch (error) {
    if (!['EINVAL', 'EPERM', 'ENOTSUP'].includes(errorCode(error))) throw error
  } finally {
    await handle.close()
  }
}
