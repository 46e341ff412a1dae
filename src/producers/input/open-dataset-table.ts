import type { DatasetRow, DatasetTableName } from '../../domain/dataset-tables.js'
import { AppError } from '../../domain/errors.js'
import { closeAll, datasetFiles, invalid, textHead } from './dataset-files.js'
import type { Part } from './part.js'
import type { Place, RowProblem, ValueWarning } from './source.js'
import { openTables, readRecords, type Table } from './table-reader.js'
import { rowReader } from './table-row.js'
import { shapeOf } from './table-shapes.js'

/** A row of a table other than photos, or the problem with it. */
export type TableSourceRow = Place &
  ({ row: DatasetRow; warnings?: ValueWarning[]; problem?: undefined } | { problem: RowProblem; row?: undefined })

/** The files of one of the dataset's tables, opened and checked. Makes the promises of `Source`. */
export interface TableSource {
  readonly table: DatasetTableName
  /** Warnings about the input as a whole: missing or ignored columns. */
  readonly warnings: readonly string[]
  rows(): AsyncIterable<TableSourceRow>
  close(): void
}

/**
 * Opens files of one table: `keywords.tsv000` …, a .csv or .tsv with its columns, one of these as .gz, or the
 * dataset's folder or .zip, of which it reads only this table's files.
 * @throws AppError INPUT_NOT_FOUND, INPUT_INVALID, INPUT_COLUMNS_MISSING (also for the header of another table, which
 * it names); nothing stays open then
 */
export async function openDatasetTable(paths: readonly string[], name: DatasetTableName): Promise<TableSource> {
  const expected = `Expected one or more of: the Unsplash dataset's ${name}.tsv000…, a .csv or .tsv with its columns, one of these as .gz, or the dataset's folder or .zip.`
  if (paths.length === 0) throw new AppError('USAGE', `No input was given. ${expected}`)
  const closers: (() => void)[] = []
  try {
    const all: Part[] = []
    for (const path of paths) {
      const { parts, from } = await datasetFiles(path, name, expected, closers)
      if (parts.length === 0) throw invalid(path, `a ${from} without ${name}.tsv000`, expected)
      for (const part of parts) await textHead(part, expected)
      all.push(...parts)
    }
    const { tables, warnings } = await openTables(all, shapeOf(name))
    return { table: name, warnings, rows: () => rowsOf(tables, name), close: () => closeAll(closers) }
  } catch (error) {
    closeAll(closers)
    throw error
  }
}

async function* rowsOf(tables: readonly Table[], name: DatasetTableName): AsyncGenerator<TableSourceRow> {
  for (const table of tables) {
    const part = table.part.name
    const read = rowReader(name, table.header)
    for await (const { line, fields, problem } of readRecords(table))
      yield problem ? { line, part, problem } : { line, part, ...read(fields) }
  }
}
