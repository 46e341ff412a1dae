import { stat } from 'node:fs/promises'
import type { VectorPage } from '../domain/ports/vectors/vector-repository.js'
import type { ExportedFile, ExportFormat, ExportPlan, Shard, ShardWriter } from './export-format.js'
import { sha256Of } from './shard-file.js'
import type { ExportTarget } from './target/export-target.js'

/** A shard that is being written under unfinished names. */
export class OpenShard {
  readonly #paths: string[] = []
  #writer!: ShardWriter
  #photos = 0
  #firstId = ''
  #lastId = ''
  #bytesOfPage = 0

  private constructor(private readonly target: ExportTarget) {}

  /** @param number from 0 */
  static async open(
    { format, target }: { format: ExportFormat; target: ExportTarget },
    plan: ExportPlan,
    number: number,
  ): Promise<OpenShard> {
    const shard = new OpenShard(target)
    shard.#writer = await format.openShard(number, plan, path => {
      shard.#paths.push(path)
      return target.unfinished(path)
    })
    return shard
  }

  async add(page: VectorPage): Promise<void> {
    const before = this.#writer.bytes
    await this.#writer.add(page)
    this.#bytesOfPage = this.#writer.bytes - before
    if (this.#photos === 0) this.#firstId = page.ids[0]!
    this.#lastId = page.ids.at(-1)!
    this.#photos += page.ids.length
  }

  /** Whether another page of this size would make it too large. */
  isFull(shardBytes: number): boolean {
    return this.#writer.bytes + this.#bytesOfPage > shardBytes
  }

  /** Completes and describes the files, which keep their unfinished names. */
  async complete(): Promise<Shard> {
    await this.#writer.close()
    const files = await Promise.all(this.#paths.map(path => describeFile(this.target, path)))
    return { photos: this.#photos, firstId: this.#firstId, lastId: this.#lastId, files }
  }

  async abort(): Promise<void> {
    await this.#writer.abort()
  }
}

async function describeFile(target: ExportTarget, path: string): Promise<ExportedFile> {
  const file = target.unfinished(path)
  const [{ size }, sha256] = await Promise.all([stat(file), sha256Of(file)])
  return { path, bytes: size, sha256 }
}
