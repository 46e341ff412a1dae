import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { AppError } from '../../domain/errors.js'
import { errorMessage } from '../../domain/text/error-text.js'
import { filesOf, type ModelEntry } from './entry.js'
import { withMade } from './made.js'
import { parseModelJson } from './model-json.js'
import { addedModels, readModelsLock } from './models-lock.js'
import { isUnplaced, MODELS, type ModelSpec, specOf } from './registry.js'

/**
 * Returns all models: those of the package, those that `models add` added, and those in the user's folders.
 * @param items of MODEL_FOLDERS: a folder with a `model.json`, or `name=folder` for the files of a known model
 * @param lock `models.lock.json`
 * @throws AppError CONFIG_INVALID for an unusable folder, MODEL_INVALID for a wrong `model.json` or lock file
 */
export function knownModels(items: readonly string[], lock?: string): readonly ModelSpec[] {
  let models = lock === undefined ? MODELS : withAdded(lock)
  for (const item of items) {
    const [, name, folder] = /^([a-z0-9][a-z0-9._-]*)=(.+)$/.exec(item) ?? []
    models =
      name !== undefined && folder !== undefined
        ? place(name, resolve(folder), models)
        : models.concat(described(resolve(item), models))
  }
  return withMade(models)
}

function withAdded(lock: string): readonly ModelSpec[] {
  const added = addedModels(readModelsLock(lock))
  const taken = added.find(({ name }) => MODELS.some(model => model.name === name))
  if (taken)
    throw new AppError(
      'MODEL_INVALID',
      `${lock}: expected other names than those of this program's own models, found ${taken.name}. Remove it there, and add it with --name.`,
    )
  return [...MODELS, ...added]
}

/** Returns the precisions of a known model that have no download, with the folder as their place. */
function place(name: string, folder: string, models: readonly ModelSpec[]): ModelSpec[] {
  const isMeant = (spec: ModelSpec) => spec.name === name && isUnplaced(spec)
  if (!models.some(isMeant)) {
    const possible = [...new Set(models.filter(isUnplaced).map(spec => spec.name))]
    throw refusal(
      `${name}=${folder}`,
      `name=folder with one of ${possible.join(', ')}, the models without a download`,
      name,
      'For your own model, give only its folder and describe the model in a model.json there.',
    )
  }
  return models.map(spec =>
    isMeant(spec) ? ({ ...spec, origin: { kind: 'folder', folder, files: spec.origin.files } } as ModelSpec) : spec,
  )
}

/** Returns every precision of the `model.json` in a folder. */
function described(folder: string, models: readonly ModelSpec[]): ModelSpec[] {
  const entry = readEntry(join(folder, 'model.json'))
  if (models.some(({ name }) => name === entry.name))
    throw refusal(folder, 'a unique name', `name ${JSON.stringify(entry.name)}`, 'Change the name in its model.json.')
  return Object.keys(entry.precisions).map(precision =>
    specOf(entry, precision, { kind: 'folder', folder, files: filesOf(entry, precision) }),
  )
}

function readEntry(path: string): ModelEntry {
  let json: unknown
  try {
    json = JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    const found = errorMessage(cause)
    throw refusal(path, 'a JSON object that describes the model', found, ADVICE, cause)
  }
  const parsed = parseModelJson(json)
  if ('entry' in parsed) return parsed.entry
  throw new AppError('MODEL_INVALID', `${parsed.faults.map(fault => `${path}: ${fault}`).join('\n')}\n${ADVICE}`)
}

const ADVICE =
  'docs/reference/model-files.md shows a complete model.json. For the files of a model from `models list`, use name=folder.'

function refusal(where: string, expected: string, found: string, advice: string, cause?: unknown): AppError {
  return new AppError('CONFIG_INVALID', `MODEL_FOLDERS: ${where}: expected ${expected}, found ${found}. ${advice}`, {
    cause,
  })
}
