import { randomUUID } from 'node:crypto'
import { copyFile, mkdir, open, opendir, readdir, readFile, rename, rm, stat, unlink } from 'node:fs/promises'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { AppError, PhotoError } from '../domain/errors.js'
import type { ObjectStore } from '../domain/ports/object-store.js'
import { HOUR } from '../domain/units.js'
import { makeFolder } from '../make-folder.js'
import { FolderFlushes } from './folder-flushes.js'
import { assertObjectKey, isObjectKey } from './key.js'

/** Folder of unfinished files. No key can name it: keys contain no `~`. */
const UNFINISHED = '~unfinished'
/** A file that is unfinished for this long belongs to a dead process. */
const STALE_MS = 24 * HOUR

/**
 * Stores objects as files below a folder. Writes a temporary file, flushes it to the disk, then renames it, so that a
 * crash leaves the old object or the new one. A leftover temporary file is no object; a later {@link check} removes it.
 */
export class FolderStore implements ObjectStore {
  readonly location: string
  readonly #unfinished: string
  /** Folders that exist, which saves a mkdir per object. */
  readonly #made = new Set<string>()
  readonly #flushes = new FolderFlushes()
  #wasThere = false
  /** The folder vanished, perhaps with its disk: until a copy is there again, no copy counts as missing. */
  #isLost = false

  /** @param folder created on first use */
  constructor(folder: string) {
    this.location = resolve(folder)
    this.#unfinished = join(this.location, UNFINISHED)
  }

  async check(): Promise<void> {
    const probe = join(this.#unfinished, `check-${randomUUID()}`)
    try {
      await this.#notice()
      makeFolder(this.#unfinished)
      this.#wasThere = true
      await this.#removeStale()
      await writeDurably(probe, Buffer.from('unsplash-clip'))
      await rm(probe)
    } catch (cause) {
      await rm(probe, { force: true }).catch(() => {})
      throw new AppError(
        'STORE_UNREACHABLE',
        `The object store ${this.location} is not writable: ${describeFailure(cause)}. Expected a folder in which this user may create files. Set OBJECT_STORE to another.`,
        { cause },
      )
    }
  }

  async put(key: string, body: Uint8Array): Promise<void> {
    await this.#place(key, temporary => writeDurably(temporary, body))
  }

  async putFile(key: string, from: string): Promise<void> {
    await this.#place(key, temporary => copyDurably(from, temporary))
  }

  /** @param write makes a file at this path, which becomes the object */
  async #place(key: string, write: (temporary: string) => Promise<void>): Promise<void> {
    const path = this.#path(key)
    const temporary = join(this.#unfinished, randomUUID())
    try {
      await this.#folder(this.#unfinished)
      await this.#folder(dirname(path))
      await write(temporary)
      await rename(temporary, path)
      await this.#flushes.flush(dirname(path))
      this.#wasThere = true
    } catch (error) {
      this.#made.clear()
      await rm(temporary, { force: true }).catch(() => {})
      throw storeFailure(this.location, key, error)
    }
  }

  async get(key: string): Promise<Buffer | null> {
    const copy = await this.#unlessMissing(key, path => readFile(path))
    if (copy !== null) this.#isLost = false
    else await this.#notice()
    if (this.#isLost) throw storeFailure(this.location, key, new Error('the folder was emptied; is its disk mounted?'))
    return copy
  }

  async has(key: string): Promise<boolean> {
    return (await this.#unlessMissing(key, async path => ((await stat(path)).isFile() ? true : null))) ?? false
  }

  async delete(key: string): Promise<void> {
    // `rm` would look at the file first.
    await this.#unlessMissing(key, path => unlink(path))
  }

  async deleteAll(keys: readonly string[]): Promise<void> {
    // libuv's threads limit how many are under way.
    await Promise.all(keys.map(key => this.delete(key)))
  }

  async *list(prefix = ''): AsyncIterable<string> {
    const start = prefix.slice(0, prefix.lastIndexOf('/') + 1)
    if (start !== '' && !isObjectKey(start.slice(0, -1))) return
    try {
      for await (const path of walk(join(this.location, start))) {
        const key = relative(this.location, path).split(sep).join('/')
        if (key.startsWith(prefix) && isObjectKey(key)) yield key
      }
    } catch (error) {
      throw storeFailure(this.location, prefix, error)
    }
  }

  async close(): Promise<void> {}

  #path(key: string): string {
    assertObjectKey(key)
    return join(this.location, key)
  }

  async #unlessMissing<T>(key: string, act: (path: string) => Promise<T>): Promise<T | null> {
    const path = this.#path(key)
    try {
      return await act(path)
    } catch (error) {
      if (isMissing(error)) return null
      throw storeFailure(this.location, key, error)
    }
  }

  /** An empty folder is that of a disk which is not mounted. */
  async #notice(): Promise<void> {
    if (this.#wasThere && (await readdir(this.location).catch(() => [])).length === 0) this.#isLost = true
  }

  async #folder(path: string): Promise<void> {
    if (this.#made.has(path)) return
    await this.#notice()
    const first = await mkdir(path, { recursive: true })
    // A new folder is an entry of its parent, which needs a flush, too.
    for (let made = path; first !== undefined && made.length >= first.length; made = dirname(made))
      await this.#flushes.flush(dirname(made))
    this.#made.add(path)
  }

  async #removeStale(): Promise<void> {
    for await (const path of walk(this.#unfinished)) {
      const found = await stat(path).catch(() => null)
      if (found !== null && Date.now() - found.mtimeMs > STALE_MS) await rm(path, { force: true })
    }
  }
}

/** Returns the photo error for a failed write. */
export function storeFailure(location: string, key: string, cause: unknown): PhotoError {
  return new PhotoError('STORE_FAILED', `${location}, ${key}: ${describeFailure(cause)}`, { cause })
}

function describeFailure(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ENOSPC') return 'the disk is full (ENOSPC); free some space or move OBJECT_STORE'
  if (code === 'EDQUOT') return 'the disk quota is used up (EDQUOT); free some space or move OBJECT_STORE'
  if (code === 'EROFS') return 'the file system is read-only (EROFS)'
  return code ?? message
}

function isMissing(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'EISDIR', 'ERR_FS_EISDIR'].includes((error as NodeJS.ErrnoException).code ?? '')
}

async function writeDurably(path: string, body: Uint8Array): Promise<void> {
  const file = await open(path, 'wx')
  try {
    await file.writeFile(body)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function copyDurably(from: string, path: string): Promise<void> {
  await copyFile(from, path)
  const file = await open(path, 'r+')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Yields every file below a folder; nothing for a missing folder. */
async function* walk(folder: string): AsyncIterable<string> {
  const entries = await opendir(folder).catch(error => {
    if (isMissing(error)) return null
    throw error
  })
  if (entries === null) return
  for await (const entry of entries) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* walk(path)
    else if (entry.isFile()) yield path
  }
}
