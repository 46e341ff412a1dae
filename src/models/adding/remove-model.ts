import { lstat, readdir, rm, rmdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { AppError } from '../../domain/errors.js'
import { errorMessage } from '../../domain/text/error-text.js'
import { withMade } from '../catalog/made.js'
import { addedModels, type LockedModel, readModelsLock } from '../catalog/models-lock.js'
import { changeModelsLock } from './lock-store.js'
import { STAGE } from './staged-files.js'

/** What this program writes into the folder of a model beside its fetched files. */
const OWN_FILES = ['model.json', '.verified.json', 'int8-smooth.json']

export interface RemovedModel {
  readonly name: string
  readonly source: string
  readonly folder: string
  /** Files that were removed. */
  readonly files: number
  readonly bytes: number
  /** Files of others that stay. */
  readonly left: readonly string[]
}

/**
 * Takes an added model out of models.lock.json and removes the files that this program put into its folder: those that
 * are pinned or made, no other.
 * @throws AppError MODEL_UNKNOWN for a model that was not added
 */
export async function removeModel(
  name: string,
  { cacheDir, lock, signal }: { cacheDir: string; lock: string; signal: AbortSignal },
): Promise<RemovedModel> {
  const locked = readModelsLock(lock)
  const model = locked.get(name)
  if (!model) throw unknown(name, [...locked.keys()])
  const folder = join(cacheDir, name)
  await changeModelsLock(lock, models => new Map([...models].filter(([other]) => other !== name)), signal)
  try {
    const { files, bytes } = await removeFiles(model, folder)
    const left = await readdir(folder).catch(() => [])
    return { name, source: model.source, folder, files, bytes, left }
  } catch (cause) {
    throw new AppError(
      'FILE_FAILED',
      `${name} is no longer in ${lock}, but its files in ${folder} could not be removed: ${errorMessage(cause)}.`,
      { cause },
    )
  }
}

async function removeFiles(model: LockedModel, folder: string): Promise<{ files: number; bytes: number }> {
  const made = withMade(addedModels(new Map([[model.entry.name, model]]))).flatMap(({ visionFile, textFile }) =>
    textFile === undefined ? [visionFile] : [visionFile, textFile],
  )
  const paths = [...new Set([...model.files.map(({ path }) => path), ...made, ...OWN_FILES])]
  let files = 0
  let bytes = 0
  for (const path of paths) {
    const stats = await lstat(join(folder, path)).catch(() => undefined)
    if (!stats || stats.isDirectory()) continue
    await rm(join(folder, path))
    if (!OWN_FILES.includes(path)) {
      files++
      bytes += stats.size
    }
  }
  // Downloads and replacements that broke off.
  for (const broken of ['.partial', STAGE]) await rm(join(folder, broken), { recursive: true, force: true })
  const within = new Set(paths.map(path => dirname(join(folder, path))))
  for (const emptied of [...within].sort((a, b) => b.length - a.length)) await rmdir(emptied).catch(() => undefined)
  return { files, bytes }
}

function unknown(name: string, added: readonly string[]): AppError {
  return new AppError(
    'MODEL_UNKNOWN',
    `models remove expects a model that \`models add\` added, found ${JSON.stringify(name)}. Added: ${added.join(', ') || 'none'}.`,
  )
}
