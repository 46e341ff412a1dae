import { createHash, randomUUID } from 'node:crypto'
import { readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeFolder } from '../make-folder.js'

const NAME = 'url-templates'
/** How long a template that was given meanwhile may go unnoticed. */
const FRESH_MS = 1000

/**
 * The URL templates with environment variables that a user of this home typed, below `$UNSPLASH_CLIP_HOME/url-templates`:
 * one file each. Only these get the values of variables when they come back from the database or the queue, so that write
 * access to those sends no secret of this machine to a host.
 */
export class OwnTemplates {
  readonly #folder: string
  #read: Promise<ReadonlySet<string>> | undefined
  #readAt = 0

  /** @param allowed templates that the settings name */
  constructor(
    home: string,
    private readonly allowed: readonly string[] = [],
  ) {
    this.#folder = join(home, NAME)
  }

  async note(template: string): Promise<void> {
    makeFolder(this.#folder)
    const path = join(this.#folder, `${createHash('sha256').update(template).digest('hex').slice(0, 32)}.txt`)
    const temporary = `${path}.${randomUUID()}`
    await writeFile(temporary, template)
    await rename(temporary, path)
    this.#read = undefined
  }

  /** Looks again when the last look is a second old. */
  all(): Promise<ReadonlySet<string>> {
    if (this.#read === undefined || Date.now() - this.#readAt > FRESH_MS) {
      this.#readAt = Date.now()
      this.#read = this.#readAll()
    }
    return this.#read
  }

  async #readAll(): Promise<ReadonlySet<string>> {
    const names = await readdir(this.#folder).catch(() => [])
    const texts = names.filter(name => name.endsWith('.txt')).map(name => readFile(join(this.#folder, name), 'utf8'))
    const read = await Promise.allSettled(texts)
    return new Set([...this.allowed, ...read.flatMap(one => (one.status === 'fulfilled' ? [one.value] : []))])
  }
}
