import { createHash } from 'node:crypto'
import { cp, mkdir, mkdtemp, realpath, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import sharp from 'sharp'
import { contentId } from '../../../src/domain/content-id.js'
import { randomNumbers } from '../../support/random-numbers.js'

const HOUR_MS = 3600 * 1000

/** Changes of one call, however large the folder is. */
const MOST_CHANGES = 30

/** A folder of pictures that changes as folders of people do, the same way for the same seed. */
export class ChangingFolder {
  /** Photo ids by path. */
  readonly #contents = new Map<string, string>()
  #next: () => number
  #pictures = 0

  private constructor(
    readonly root: string,
    private readonly seed: number,
    private readonly size: number,
  ) {
    const random = randomNumbers(seed)
    this.#next = () => random() + 0.5
  }

  /** @param size number of files around which it stays */
  static async create(seed: number, size: number): Promise<ChangingFolder> {
    const root = await realpath(await mkdtemp(join(tmpdir(), 'unsplash-clip-changing-')))
    const folder = new ChangingFolder(root, seed, size)
    for (let i = 0; i < size; i++) await folder.#add()
    return folder
  }

  /** Some changes of all kinds. @returns what was done, for messages */
  async change(): Promise<string> {
    const done: string[] = []
    const count = 1 + this.#integer(Math.min(MOST_CHANGES, Math.max(3, this.size / 10)))
    for (let i = 0; i < count; i++) done.push(await this.#changeOnce())
    return done.join(', ')
  }

  /** Photo ids by path. */
  contents(): Map<string, string> {
    return new Map(this.#contents)
  }

  async close(): Promise<void> {
    await rm(this.root, { recursive: true, force: true })
  }

  async #changeOnce(): Promise<string> {
    const files = [...this.#contents.keys()]
    const kinds = ['add', 'edit', 'move', 'rename', 'swap', 'duplicate', 'delete', 'touch', 'rename folder'] as const
    const kind = files.length < this.size / 2 ? 'add' : files.length > 2 * this.size ? 'delete' : this.#pick(kinds)
    const file = this.#pick(files)
    switch (kind) {
      case 'add':
        await this.#add()
        break
      case 'edit':
        await this.#write(file)
        break
      case 'move':
      case 'rename':
        await this.#move(file, this.#newPath(kind === 'rename' ? dirname(file) : undefined))
        break
      case 'swap': {
        const other = this.#pick(files)
        const aside = this.#newPath()
        await this.#move(file, aside)
        if (other !== file) await this.#move(other, file)
        await this.#move(aside, other === file ? file : other)
        break
      }
      case 'duplicate': {
        const copy = this.#newPath()
        await mkdir(dirname(copy), { recursive: true })
        await cp(file, copy, { preserveTimestamps: this.#integer(2) === 0 })
        this.#contents.set(copy, this.#contents.get(file)!)
        break
      }
      case 'delete':
        await rm(file)
        this.#contents.delete(file)
        break
      case 'touch':
        await utimes(file, new Date(), new Date())
        break
      case 'rename folder':
        if (dirname(file) !== this.root) await this.#move(dirname(file), `${dirname(file)}-${this.#integer(1e6)}`)
    }
    return `${kind} ${file?.slice(this.root.length + 1)}`
  }

  async #add(): Promise<void> {
    await this.#write(this.#newPath())
  }

  /** A new picture, whose time is now or hours ago. */
  async #write(path: string): Promise<void> {
    const number = this.seed * 100_003 + ++this.#pictures
    const background = { r: number & 255, g: (number >> 8) & 255, b: (number >> 16) & 255 }
    await mkdir(dirname(path), { recursive: true })
    const bytes = await sharp({ create: { width: 8, height: 8, channels: 3, background } })
      .png()
      .toBuffer()
    await writeFile(path, bytes)
    this.#contents.set(path, contentId(createHash('sha256').update(bytes).digest()))
    if (this.#integer(2) === 0) return
    const before = new Date(Date.now() - HOUR_MS)
    await utimes(path, before, before)
  }

  async #move(from: string, to: string): Promise<void> {
    await mkdir(dirname(to), { recursive: true })
    await rename(from, to)
    const moved = [...this.#contents].filter(([path]) => path === from || path.startsWith(`${from}/`))
    for (const [path, id] of moved) {
      this.#contents.delete(path)
      this.#contents.set(to + path.slice(from.length), id)
    }
  }

  /** In one of the usual folders, and for large ones in one of many. */
  #newPath(folder = join(this.root, this.#pick(['', 'a', 'b', 'b/c', 'ü #1']), this.#album())): string {
    const path = join(folder, `IMG_${this.#integer(1e6)}.png`)
    return this.#contents.has(path) ? this.#newPath(folder) : path
  }

  #album(): string {
    return this.size > 1000 ? `album ${this.#integer(this.size / 200)}` : ''
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.#integer(items.length)]!
  }

  #integer(below: number): number {
    return Math.floor(this.#next() * below)
  }
}
