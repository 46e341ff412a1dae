import { createHash, randomUUID } from 'node:crypto'
import { readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeFolder } from '../make-folder.js'

const NAME = 'readable-folders'
/** How long a folder that was allowed meanwhile may go unnoticed. */
const FRESH_MS = 1000

/**
 * The folders whose ingest a user started on this machine, below `$UNSPLASH_CLIP_HOME/readable-folders`: one file each.
 * Workers of the same home may read them. They lie here and not in the database, so that write access to the database
 * opens no file of this machine.
 */
export class ReadableFolders {
  readonly #folder: string
  #read: Promise<readonly string[]> | undefined
  #readAt = 0

  constructor(home: string) {
    this.#folder = join(home, NAME)
  }

  /** Lets workers read a folder. @param folder absolute, without links */
  async allow(folder: string): Promise<void> {
    makeFolder(this.#folder)
    const path = join(this.#folder, `${createHash('sha256').update(folder).digest('hex').slice(0, 32)}.json`)
    const temporary = `${path}.${randomUUID()}`
    await writeFile(temporary, JSON.stringify({ folder }))
    await rename(temporary, path)
  }

  /** Looks again when the last look is a second old. */
  all(): Promise<readonly string[]> {
    if (this.#read === undefined || Date.now() - this.#readAt > FRESH_MS) {
      this.#readAt = Date.now()
      this.#read = this.#readAll()
    }
    return this.#read
  }

  async #readAll(): Promise<string[]> {
    const names = await readdir(this.#folder).catch(() => [])
    const folders = await Promise.all(names.filter(name => name.endsWith('.json')).map(name => this.#readOne(name)))
    return folders.filter(folder => folder !== null)
  }

  async #readOne(name: string): Promise<string | null> {
    try {
      const { folder } = JSON.parse(await readFile(join(this.#folder, name), 'utf8'))
      return typeof folder === 'string' ? folder : null
    } catch {
      return null
    }
  }
}
