import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { AppError } from '../domain/errors.js'
import type { ModelIdentity } from '../domain/model.js'
import { packageRoot } from '../package-root.js'
import { sha256OfFile } from './digest.js'
import { type BundledModelSpec, isFromHub, type ModelSpec } from './registry.js'

const REVISION_LENGTH = 12

/**
 * Who made a vector. The revision of a bundled model is the start of the SHA-256 over its files' paths and digests.
 * @param folder where the model's files are
 * @throws AppError MODEL_NOT_FOUND when a file of a bundled model is missing
 */
export async function identify(spec: ModelSpec, folder: string): Promise<ModelIdentity> {
  const { name, precision, dimension, logitScale } = spec
  const revision = isFromHub(spec) ? spec.origin.revision : await revisionOfFiles(folder, spec.origin.files)
  return { name, precision, revision, dimension, logitScale }
}

async function revisionOfFiles(folder: string, paths: readonly string[]): Promise<string> {
  const hash = createHash('sha256')
  for (const path of paths) {
    const digest = await sha256OfFile(join(folder, path)).catch(cause => {
      throw new AppError(
        'MODEL_NOT_FOUND',
        `Expected ${join(folder, path)}, found nothing there. Install the package again.`,
        {
          cause,
        },
      )
    })
    hash.update(`${digest}  ${path}\n`)
  }
  return hash.digest('hex').slice(0, REVISION_LENGTH)
}

/** Where a bundled model's files are. */
export function bundledFolder(spec: BundledModelSpec): string {
  return join(packageRoot(), spec.origin.folder)
}
