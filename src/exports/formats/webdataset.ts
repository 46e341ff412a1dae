import * as tar from 'tar-stream'
import type { VectorPage } from '../../domain/ports/vectors/vector-repository.js'
import type { ExportFormat, ExportPlan, ShardWriter } from '../export-format.js'
import { ShardFile } from '../shard-file.js'
import { shardName } from '../shard-name.js'
import { vectorBytes } from '../vector-bytes.js'
import { rowJson } from './jsonl.js'
import { npyHeader } from './npy-file.js'
import { vectorAt } from './text-shard.js'

/** Copies that are read at once. Those of one page are in memory. */
const PAGE_SIZE = 32

/**
 * Tar files of samples as webdataset reads them: `ID.jpg` from the stored copy where there is one, `ID.json` with the
 * columns, `ID.npy` with the vector, [dimension].
 */
export const webdataset: ExportFormat = {
  pageSize: PAGE_SIZE,
  isBinary: true,
  openShard: async (number, plan, place) =>
    new TarShard(await ShardFile.create(place(`${shardName(number)}.tar`)), plan),
}

class TarShard implements ShardWriter {
  readonly #pack = tar.pack()
  readonly #written: Promise<void>

  constructor(
    private readonly file: ShardFile,
    private readonly plan: ExportPlan,
  ) {
    this.#written = this.#drain()
    // Awaited in add and close.
    this.#written.catch(() => undefined)
  }

  get bytes(): number {
    return this.file.bytes
  }

  async add(page: VectorPage): Promise<void> {
    const copies = await Promise.all(page.storedKeys.map(key => (key === null ? null : this.plan.readCopy(key))))
    for (const [i, id] of page.ids.entries()) {
      const copy = copies[i]!
      if (copy !== null) await this.#entry(`${id}.jpg`, copy)
      await this.#entry(`${id}.json`, Buffer.from(rowJson(this.plan.columns, page, i)))
      await this.#entry(`${id}.npy`, this.#npy(vectorAt(page, i)))
    }
  }

  async close(): Promise<void> {
    this.#pack.finalize()
    await this.#written
    await this.file.close()
  }

  async abort(): Promise<void> {
    this.#pack.destroy()
    await this.#written.catch(() => undefined)
    await this.file.abort()
  }

  #npy(vector: Float32Array): Buffer {
    const { dtype } = this.plan
    return Buffer.concat([npyHeader(dtype, [vector.length]), vectorBytes(vector, dtype)])
  }

  async #entry(name: string, body: Uint8Array): Promise<void> {
    const isAdded = new Promise<void>((resolve, reject) => {
      // The same bytes for the same photos.
      const header = { name, size: body.length, mode: 0o644, mtime: new Date(0) }
      const entry = this.#pack.entry(header, error => (error ? reject(error) : resolve()))
      entry.on('error', reject)
      entry.end(body)
    })
    await Promise.race([isAdded, this.#written])
  }

  async #drain(): Promise<void> {
    for await (const chunk of this.#pack) await this.file.write(chunk as Uint8Array)
  }
}
