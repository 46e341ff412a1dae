import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '../../domain/errors.js'
import { type LabelSet, parseLabelSet } from '../../domain/labels.js'

/**
 * Reads a label set from a path, or by name from the first of the given folders that contains it.
 * @throws AppError LABEL_SET_INVALID for a missing or wrong file
 */
export function readLabelSet(nameOrPath: string, folders: readonly string[]): LabelSet {
  const isPath = nameOrPath.endsWith('.json')
  const path = isPath ? nameOrPath : folders.map(folder => join(folder, `${nameOrPath}.json`)).find(existsSync)
  if (path === undefined || !existsSync(path)) {
    const known = listLabelSetNames(folders)
    throw new AppError(
      'LABEL_SET_INVALID',
      `Expected a label set, found ${JSON.stringify(nameOrPath)}${isPath ? ', a file that does not exist' : ''}; known: ${known.join(', ') || 'none'}. Write a file: {"name": "season", "template": "A photo taken in {label}", "labels": ["spring", "summer", "autumn", "winter"]} and give its path, or put it in a folder and set LABELS_DIR.`,
    )
  }
  const parsed = parseLabelSet(parseJson(path))
  if ('problem' in parsed) throw new AppError('LABEL_SET_INVALID', `${path}: ${parsed.problem}`)
  if (!isPath && parsed.set.name !== nameOrPath)
    throw new AppError(
      'LABEL_SET_INVALID',
      `${path}: expected the "name" of the file, ${JSON.stringify(nameOrPath)}, found ${JSON.stringify(parsed.set.name)}`,
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
    throw new AppError('LABEL_SET_INVALID', `${path}: expected JSON, found ${(error as Error).message}`, {
      cause: error,
    })
  }
}
