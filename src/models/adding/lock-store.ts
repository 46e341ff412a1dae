import { randomUUID } from 'node:crypto'
import { rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { AppError } from '../../domain/errors.js'
import { errorMessage } from '../../domain/text/error-text.js'
import { withFileLock } from '../../locks/file-lock.js'
import { makeFolder } from '../../make-folder.js'
import { type LockedModel, readModelsLock, writeModelsLock } from '../catalog/models-lock.js'

/**
 * Changes `models.lock.json`: one process at a time, and readers see the old file or the new one.
 * @param change gets the models of now, and returns those to write
 * @throws AppError MODEL_INVALID for a wrong lock file; FILE_FAILED when it cannot be written
 */
export async function changeModelsLock(
  path: string,
  change: (models: ReadonlyMap<string, LockedModel>) => ReadonlyMap<string, LockedModel>,
  signal: AbortSignal,
): Promise<void> {
  try {
    makeFolder(dirname(path))
    await withFileLock(
      `${path}.lock`,
      async () => {
        const text = writeModelsLock(change(readModelsLock(path)))
        const aside = `${path}.${randomUUID()}`
        await writeFile(aside, text)
        await rename(aside, path)
      },
      { signal },
    )
  } catch (cause) {
    signal.throwIfAborted()
    if (cause instanceof AppError) throw cause
    throw new AppError(
      'FILE_FAILED',
      `Expected to write ${path} (setting MODELS_LOCK), found ${errorMessage(cause)}.`,
      { cause },
    )
  }
}
