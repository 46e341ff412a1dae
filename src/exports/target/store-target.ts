import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import type { ObjectStore } from '../../domain/ports/object-store.js'
import type { ExportTarget } from './export-target.js'
import { withStoreErrors } from './store-errors.js'

const TYPES: Record<string, string> = {
  '.json': 'application/json',
  '.jsonl': 'application/jsonl',
  '.csv': 'text/csv; charset=utf-8',
  '.tsv': 'text/tab-separated-values; charset=utf-8',
  '.md': 'text/markdown; charset=utf-8',
  '.tar': 'application/x-tar',
  '.parquet': 'application/vnd.apache.parquet',
}

/** A prefix of a bucket. A shard is complete on this machine before it is sent. */
export class StoreTarget implements ExportTarget {
  #folder = ''

  /** @param store opened for this export; closed with it */
  constructor(private readonly store: ObjectStore) {}

  get location(): string {
    return this.store.location
  }

  async open(): Promise<void> {
    await this.store.check()
    this.#folder = await mkdtemp(join(tmpdir(), 'unsplash-clip-export-'))
  }

  async list(): Promise<Set<string>> {
    return withStoreErrors(async () => {
      const names = new Set<string>()
      for await (const name of this.store.list()) names.add(name)
      return names
    })
  }

  async read(name: string): Promise<Buffer | null> {
    return withStoreErrors(() => this.store.get(name))
  }

  async write(name: string, bytes: Uint8Array): Promise<void> {
    await withStoreErrors(() => this.store.put(name, bytes, typeOf(name)))
  }

  unfinished(name: string): string {
    return join(this.#folder, name.replaceAll('/', '~'))
  }

  async publish(name: string): Promise<void> {
    await withStoreErrors(() => this.store.putFile(name, this.unfinished(name), typeOf(name)))
    await rm(this.unfinished(name))
  }

  async remove(names: readonly string[]): Promise<void> {
    await withStoreErrors(() => this.store.deleteAll(names))
  }

  async discard(): Promise<void> {
    for (const name of await readdir(this.#folder)) await rm(join(this.#folder, name))
  }

  async close(): Promise<void> {
    if (this.#folder !== '') await rm(this.#folder, { recursive: true })
    await this.store.close()
  }
}

const typeOf = (name: string): string => TYPES[extname(name)] ?? 'application/octet-stream'
