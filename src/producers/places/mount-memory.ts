import { randomUUID } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const NAME = 'known-mounts.json'
/** The latest are kept. */
const MOST = 200

/**
 * Disks that an ingest of this home has seen mounted below its folders, so that later ones notice when one is missing. They
 * are those of a machine, so they lie in a file of the home and not in the database.
 */
export class MountMemory {
  readonly #file: string

  constructor(home: string) {
    this.#file = join(home, NAME)
  }

  /** Mount points. Empty where the file cannot be read. */
  async all(): Promise<string[]> {
    try {
      const paths: unknown = JSON.parse(await readFile(this.#file, 'utf8'))
      return Array.isArray(paths) ? paths.filter(path => typeof path === 'string') : []
    } catch {
      return []
    }
  }

  async remember(paths: readonly string[]): Promise<void> {
    const before = await this.all()
    const news = paths.filter(path => !before.includes(path))
    if (news.length > 0) await this.#write([...before, ...news].slice(-MOST))
  }

  async forget(paths: readonly string[]): Promise<void> {
    if (paths.length > 0) await this.#write((await this.all()).filter(path => !paths.includes(path)))
  }

  async #write(paths: readonly string[]): Promise<void> {
    const temporary = `${this.#file}.${randomUUID()}`
    await writeFile(temporary, JSON.stringify(paths))
    await rename(temporary, this.#file)
  }
}
