import { randomUUID } from 'node:crypto'
import type { Stats } from 'node:fs'
import { readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ModelFile } from '../catalog/entry.js'
import { type Precision, precisionOf } from '../graph/precision.js'
import { sha256OfUnchanged } from './digest.js'

const MARKER = '.verified.json'

/** State of a file when its digest was last computed. */
interface Entry {
  readonly bytes: number
  readonly mtimeMs: number
  readonly sha256: string
  /** Of its weights; null: not recognised; absent: nobody has asked. */
  readonly precision?: Precision | null
}

/** - `verified`: the digest is right   - `different`: the digest or the size is wrong   - `missing` */
export type FileState = 'verified' | 'different' | 'missing'

/**
 * Stores digests next to the files of a model, so that each start need not hash 150 MB. A file with another size or
 * time is hashed again.
 */
export class VerifiedFiles {
  private constructor(
    private readonly folder: string,
    private entries: Readonly<Record<string, Entry>>,
  ) {}

  static async read(folder: string): Promise<VerifiedFiles> {
    return new VerifiedFiles(folder, await readEntries(folder))
  }

  /** Hashes only files without a stored digest. */
  async state(file: ModelFile, signal?: AbortSignal): Promise<FileState> {
    const stats = await statOrNothing(join(this.folder, file.path))
    if (!stats) return 'missing'
    if (stats.size !== file.bytes) return 'different'
    return (await this.sha256(file.path, stats, signal)) === file.sha256 ? 'verified' : 'different'
  }

  /** Returns whether a file's digest is stored and the file is unchanged. */
  remembers(path: string, { size, mtimeMs }: Pick<Stats, 'size' | 'mtimeMs'>): boolean {
    const entry = this.entries[path]
    return entry?.bytes === size && entry.mtimeMs === mtimeMs
  }

  /** Returns whether a digest of the file is or was stored. */
  knows(path: string): boolean {
    return Object.hasOwn(this.entries, path)
  }

  /** Returns the digest of an existing file. Hashes only without a stored digest. */
  async sha256(path: string, stats: Pick<Stats, 'size' | 'mtimeMs'>, signal?: AbortSignal): Promise<string> {
    if (this.remembers(path, stats)) return this.entries[path]!.sha256
    const sha256 = await sha256OfUnchanged(join(this.folder, path), stats, signal)
    await this.remember(path, { bytes: stats.size, mtimeMs: stats.mtimeMs, sha256 })
    return sha256
  }

  /**
   * Returns the precision of the weights in an existing file, which takes up to 25 ms unless it is stored.
   * @returns undefined when it is not recognised
   */
  async precision(path: string, stats: Pick<Stats, 'size' | 'mtimeMs'>): Promise<Precision | undefined> {
    const sha256 = await this.sha256(path, stats)
    const { precision } = this.remembers(path, stats) ? this.entries[path]! : {}
    if (precision !== undefined) return precision ?? undefined
    const found = precisionOf(join(this.folder, path))
    await this.remember(path, { bytes: stats.size, mtimeMs: stats.mtimeMs, sha256, precision: found ?? null })
    return found
  }

  /** Records a file that was just put in place with the right digest. */
  async add(file: ModelFile): Promise<void> {
    const { mtimeMs } = await stat(join(this.folder, file.path))
    await this.remember(file.path, { bytes: file.bytes, mtimeMs, sha256: file.sha256 })
  }

  private async remember(path: string, entry: Entry): Promise<void> {
    this.entries = { ...(await readEntries(this.folder)), ...this.entries, [path]: entry }
    const marker = join(this.folder, MARKER)
    const aside = `${marker}.${randomUUID()}`
    try {
      await writeFile(aside, `${JSON.stringify(this.entries, null, 2)}\n`)
      await rename(aside, marker)
    } catch {
      // A read-only folder also works: its files are hashed at every start.
    }
  }
}

async function readEntries(folder: string): Promise<Readonly<Record<string, Entry>>> {
  try {
    const value: unknown = JSON.parse(await readFile(join(folder, MARKER), 'utf8'))
    return typeof value === 'object' && value !== null ? (value as Record<string, Entry>) : {}
  } catch {
    return {}
  }
}

/** Returns undefined when there is no such file. */
export async function statOrNothing(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw error
  }
}
