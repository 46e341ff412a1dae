import { join } from 'node:path'
import type { FileRewrites } from '../../domain/rewrite.js'
import type { ModelSpec } from '../catalog/registry.js'
import { concerning } from '../runtime/rewrite-graph.js'
import { openSession, type SessionOptions } from '../runtime/session.js'

/**
 * Opens each model file as the encoder does, and reports which rewrites of its graph the runtime accepted.
 * @throws AppError MODEL_INVALID when a file is unreadable, CONFIG_INVALID when the provider is unusable
 */
export async function describeRewrites(
  spec: ModelSpec,
  folder: string,
  options: SessionOptions,
): Promise<FileRewrites[]> {
  const { input, mean, std, visionFile, textFile } = spec
  const found: FileRewrites[] = []
  for (const file of new Set([visionFile, ...(textFile ? [textFile] : [])])) {
    const session = await openSession(join(folder, file), options, { size: input.size, mean, std }, rewrites => {
      found.push(concerning(spec, file, rewrites))
    })
    await session.release()
  }
  return found
}
