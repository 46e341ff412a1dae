import { join } from 'node:path'
import type { FileRewrites } from '../../domain/rewrite.js'
import type { ModelSpec } from '../catalog/registry.js'
import { addRewrites, concerning, towersOf } from '../runtime/rewrite-graph.js'
import { openSession, type SessionOptions } from '../runtime/session.js'

/**
 * Opens each tower as the encoder does, and reports which rewrites of its graph the runtime accepted.
 * @throws AppError MODEL_INVALID when a file is unreadable, CONFIG_INVALID when the provider is unusable
 */
export async function describeRewrites(
  spec: ModelSpec,
  folder: string,
  options: SessionOptions,
): Promise<FileRewrites[]> {
  const { input, mean, std } = spec
  const found: FileRewrites[] = []
  for (const tower of towersOf(spec)) {
    const { file, outputs } = tower
    const pixels = { size: input.size, mean, std }
    const session = await openSession(join(folder, file), { ...options, outputs }, pixels, rewrites =>
      addRewrites(found, concerning(tower, rewrites)),
    )
    await session.release()
  }
  return found
}
