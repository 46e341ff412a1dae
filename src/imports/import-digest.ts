import { createHash } from 'node:crypto'
import { realpath, stat } from 'node:fs/promises'
import type { VectorInputOptions, VectorSource } from './vector-source.js'

/**
 * Identifies an input, so that an import of it that was stopped continues: paths, sizes and times of its files, and how they
 * are read. A file that changed makes another input.
 * @returns SHA-256
 */
export async function importDigest(
  { files }: Pick<VectorSource, 'files'>,
  { dimension, ids, idColumn, vectorColumn }: VectorInputOptions,
): Promise<Buffer> {
  const states: unknown[] = []
  for (const file of files) {
    const { size, mtimeMs } = await stat(file)
    states.push([await realpath(file), size, mtimeMs])
  }
  const how = [dimension, ids ?? null, idColumn ?? null, vectorColumn ?? null]
  return createHash('sha256')
    .update(JSON.stringify([how, states]))
    .digest()
}
