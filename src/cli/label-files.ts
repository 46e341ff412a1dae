import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '../domain/errors.js'
import { type LabelSet, parseLabelSet } from '../domain/labels.js'

/**
 * Finds label sets: a path to a file, or a name looked up in the given folders, the first that has it wins.
 * @throws AppError LABEL_SET_INVALID for a missing or wrong file
 */
export function readLabelSet(nameOrPath: string, folders: readonly string[]): LabelSet {
  const isPath = nameOrPath.endsWith('.json')
  const path = isPath ? nameOrPath : folders.map(folder => join(folder, `${nameOrPath}.json`)).find(existsSync)
  if (path === undefined || !existsSync(path)) {
    const known = listLabelSetNames(folders)
    throw new AppError(
      'LABEL_SET_INVALID',
      `There is no label set ${JSON.stringify(nameOrPath)}; known: ${known.join(', ') || 'none'}. Write one as a file: {"name": "season", "template": "A photo taken in {label}", "labels": ["spring", "summer", "autumn", "winter"]} and give its path, or put it in a folder and set LABELS_DIR.`,
    )
  }
  const parsed = parseLabelSet(parseJson(path))
  if ('problem' in parsed) throw new AppError('LABEL_SET_INVALID', `${path}: ${parsed.problem}`)
  if (!isPath && parsed.set.name !== nameOrPath)
    throw new AppError(
      'LABEL_SET_INVALID',
      `${path}: "name" must be that of the file, ${JSON.stringify(nameOrPath)}, found ${JSON.stringify(parsed.set.name)}`,
    )
  return parsed.set
}

export function listLabelSetNames(folders: readonly string[]): string[] {
  const names = folders.filter(existsSync).flatMap(folder => readdirSync(folder).filter(file => file.endsWith('.json')))
  return [...new Set(names.map(file => file.slice(0, -'.json'.length)))].sort()
}

function parseJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new AppError('LABEL_SET_INVALID', `${path}: JSON was expected, found ${(error as Error).message}`, {
      cause: error,
    })
  }
}
