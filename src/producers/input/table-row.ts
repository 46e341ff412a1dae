import {
  DATASET_TABLES,
  type DatasetRow,
  type DatasetTable,
  type DatasetTableName,
} from '../../domain/dataset-tables.js'
import type { ColumnType } from '../../domain/photo.js'
import { type ColumnScalar, parseValue } from '../../domain/where/column-value.js'
import { problemOfCount, problemOfId } from './photo-row.js'
import { excerpt, type RowProblem, type ValueWarning } from './source.js'
import { problemOfLength } from './text-limits.js'

export type ReadTableRow = { row: DatasetRow; warnings?: ValueWarning[] } | { problem: RowProblem }

interface Field {
  column: string
  type: ColumnType
  /** Name in the resulting row. */
  position: number
  isKey: boolean
}

/**
 * Builds rows from the fields of one part, or describes their problems. A value that does not fit becomes null,
 * except in a key column.
 * @param header column of each field; undefined for those that the table does not have
 */
export function rowReader(
  table: DatasetTableName,
  header: readonly (string | undefined)[],
): (fields: readonly string[]) => ReadTableRow {
  const { columns, key, required }: DatasetTable = DATASET_TABLES[table]
  const names = Object.keys(columns)
  const plan = header.map((column): Field | undefined =>
    column === undefined
      ? undefined
      : { column, type: columns[column]!, position: names.indexOf(column), isKey: key.includes(column) },
  )
  const needed = required.map(column => ({ column, position: names.indexOf(column) }))

  return fields => {
    const miscount = problemOfCount(fields, plan.length)
    if (miscount) return { problem: miscount }
    const row: (ColumnScalar | null)[] = new Array(names.length).fill(null)
    let warnings: ValueWarning[] | undefined
    for (let i = 0; i < fields.length; i++) {
      const field = plan[i]
      if (field === undefined || fields[i] === '') continue
      const { column, position } = field
      let text = fields[i]!
      if (column !== 'photo_id' && text.includes('\0')) {
        // Postgres cannot store NUL, and no column gives it a meaning.
        warnings = [...(warnings ?? []), { code: 'NUL_REMOVED', column, value: excerpt(text) }]
        text = text.replaceAll('\0', '')
      }
      text = text.trim()
      if (text === '') continue
      const tooLong = problemOfLength(column, text)
      if (tooLong) return { problem: tooLong }
      const value = columnValue(field, text)
      if (value !== undefined) row[position] = value
      else if (field.isKey) return { problem: { code: 'BAD_KEY', found: `${column}: ${excerpt(text, 40)}` } }
      else warnings = [...(warnings ?? []), { code: 'BAD_VALUE', column, value: excerpt(text) }]
    }
    for (const { column, position } of needed) {
      const value = row[position]
      const problem = column === 'photo_id' ? problemOfId(String(value ?? '')) : undefined
      if (problem) return { problem }
      if (value === null) return { problem: { code: 'NO_KEY', found: `${column} is empty` } }
    }
    return warnings ? { row, warnings } : { row }
  }
}

function columnValue({ column, type }: Field, text: string): ColumnScalar | undefined {
  const value = parseValue(type, text)
  switch (column) {
    case 'hex':
      return /^[0-9a-f]{6}$/i.test(text) ? text.toUpperCase() : undefined
    case 'red':
    case 'green':
    case 'blue':
      return Number(value) >= 0 && Number(value) <= 255 ? value : undefined
    default:
      return value
  }
}
