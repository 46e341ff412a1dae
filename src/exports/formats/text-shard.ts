import type { VectorPage } from '../../domain/ports/vectors/vector-repository.js'
import type { ShardWriter } from '../export-format.js'
import { ShardFile } from '../shard-file.js'

/**
 * A shard of text files with one line per photo.
 * @param files path, first lines, and the line of the photo at an index of a page
 */
export async function textShard(
  files: readonly { path: string; head: string; line: (page: VectorPage, index: number) => string }[],
): Promise<ShardWriter> {
  const open: { file: ShardFile; line: (page: VectorPage, index: number) => string }[] = []
  for (const { path, head, line } of files) {
    const file = await ShardFile.create(path)
    await file.write(head)
    open.push({ file, line })
  }
  return {
    get bytes() {
      return open.reduce((sum, { file }) => sum + file.bytes, 0)
    },
    async add(page) {
      for (const { file, line } of open) for (let i = 0; i < page.ids.length; i++) await file.write(line(page, i))
    },
    async close() {
      for (const { file } of open) await file.close()
    },
    async abort() {
      for (const { file } of open) await file.abort()
    },
  }
}

/** The vector of the photo at an index of a page, [dimension]. */
export const vectorAt = ({ vectors, dimension }: VectorPage, index: number): Float32Array =>
  vectors.subarray(index * dimension, (index + 1) * dimension)
