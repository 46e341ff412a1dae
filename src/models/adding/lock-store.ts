import { randomUUID } from 'node:crypto'
import { access, constants, readlink, realpath, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
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
    const file = await behindLink(path)
    makeFolder(dirname(file))
    await withFileLock(`${file}.lock`, async () => replace(file, writeModelsLock(change(readModelsLock(path)))), {
      signal,
    })
  } catch (cause) {
    signal.throwIfAborted()
    throw cause instanceof AppError ? cause : notWritten(path, cause)
  }
}

/** Before files are fetched for it. @throws AppError FILE_FAILED where the lock file could not be written */
export async function expectWritableLock(path: string): Promise<void> {
  try {
    const folder = dirname(await behindLink(path))
    makeFolder(folder)
    await access(folder, constants.W_OK)
  } catch (cause) {
    throw cause instanceof AppError ? cause : notWritten(path, cause)
  }
}

function notWritten(path: string, cause: unknown): AppError {
  const message = `Expected to write ${path} (setting MODELS_LOCK), found ${errorMessage(cause)}.`
  return new AppError('FILE_FAILED', message, { cause })
}

/** The file that a link names, so that a link into the repository of a deployment stays one. */
async function behindLink(path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch {
    // A link whose file is not there yet, or no file at all.
    const target = await readlink(path).catch(() => undefined)
    return target === undefined ? path : resolve(dirname(path), target)
  }
}

async function replace(file: string, text: string): Promise<void> {
  const aside = `${file}.${randomUUID()}`
  try {
    await writeFile(aside, text)
    await rename(aside, file)
  } catch (error) {
    await rm(aside, { force: true })
    throw error
  }
}
