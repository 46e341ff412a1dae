import { leftOutColumns, recordColumns } from '../record-columns.js'
import type { VectorInputOptions, VectorRow } from '../vector-source.js'
import type { ListValue } from './list-values.js'
import { openVectorTable, tableRows, type VectorTable } from './table.js'

/** @throws AppError INPUT_NOT_FOUND, INPUT_INVALID, INPUT_COLUMNS_MISSING */
export function openParquetVectors(path: string, { vectorColumn }: VectorInputOptions): Promise<VectorTable> {
  return openVectorTable(path, vectorColumn)
}

/** Columns of single values of which nothing is kept. @throws AppError INPUT_COLUMNS_MISSING (the id column) */
export function leftOutOfTable({ path, flat }: VectorTable, { idColumn }: VectorInputOptions): string[] {
  const names = [...flat.keys()]
  return leftOutColumns(names, recordColumns(path, names, idColumn))
}

/** One row per row of the file. @throws AppError INPUT_INVALID, INPUT_COLUMNS_MISSING (the id column) */
export async function* readParquetVectors(
  table: VectorTable,
  { idColumn, dimension }: VectorInputOptions,
): AsyncGenerator<VectorRow> {
  const names = recordColumns(table.path, [...table.flat.keys()], idColumn)
  let line = 0
  for await (const { vector, record } of tableRows(table, names, dimension)) {
    const place = { line: ++line, part: table.path }
    const problem = problemOfList(vector!, dimension)
    yield problem ? { ...place, problem } : { ...place, vector: vector as ArrayLike<number>, record }
  }
}

function problemOfList(value: ListValue, dimension: number) {
  if (value === 'null') return { code: 'NO_VECTOR', found: 'null' } as const
  if (value === 'null inside') return { code: 'NOT_FINITE', found: 'null instead of a number' } as const
  if (value === 'too long') return { code: 'WRONG_DIMENSION', found: `more than ${dimension} numbers` } as const
  return undefined
}
