import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { AppError } from '../../domain/errors.js'
import type { LabelTable } from '../../models/check/compare-published.js'
import { RecordSplitter } from '../../producers/input/record-splitter.js'
import { listLabelSetNames, readLabelSet } from '../options/label-files.js'

/**
 * Reads published labels from a CSV with a column photo_id and a column per label set.
 * @throws AppError INPUT_NOT_FOUND, INPUT_COLUMNS_MISSING, LABEL_SET_INVALID
 */
export async function readLabelTable(file: string, labelFolders: readonly string[]): Promise<LabelTable[]> {
  const content = await readFile(file).catch(cause => {
    throw new AppError('INPUT_NOT_FOUND', `Expected a file at ${file}, found ${cause.code ?? cause.message}.`, {
      cause,
    })
  })
  const splitter = new RecordSplitter(',')
  const records = [...splitter.push(content), ...splitter.end()].filter(({ problem }) => !problem)
  const [header = [], ...rows] = records.map(({ fields }) => fields)
  const idColumn = header.indexOf('photo_id')
  const names = listLabelSetNames(labelFolders)
  const sets = names.filter(name => header.includes(name)).map(name => readLabelSet(name, labelFolders))
  if (idColumn < 0 || sets.length === 0)
    throw new AppError(
      'INPUT_COLUMNS_MISSING',
      `${basename(file)}: expected a column photo_id and one of ${names.join(', ')}, found ${header.join(', ') || 'nothing'}.`,
    )
  return sets.map(set => {
    const column = header.indexOf(set.name)
    const labelled = rows.filter(row => set.labels.includes(row[column]!))
    return { set, labelOf: new Map(labelled.map(row => [row[idColumn]!, row[column]!])) }
  })
}
