import { AppError } from '../domain/errors.js'
import { PHOTO_COLUMNS, type Photo, type PhotoColumn } from '../domain/photo.js'
import { type ColumnScalar, parseValue } from './column-value.js'
import { DATASET_HEADER, isPhotoColumn } from './photo-row.js'

export interface Condition {
  column: PhotoColumn
  /** Null: the column is empty. */
  value: ColumnScalar | null
}

/**
 * Reads `column=value`. The value is of the column's type; nothing after `=` means that the column is empty.
 * @throws AppError FILTER_INVALID
 */
export function parseCondition(text: string): Condition {
  const equals = text.indexOf('=')
  const column = text.slice(0, equals).trim()
  if (equals < 1)
    throw new AppError('FILTER_INVALID', `--where: column=value expected, found ${JSON.stringify(text)}. ${columns()}`)
  if (!isPhotoColumn(column))
    throw new AppError('FILTER_INVALID', `--where: no column is called ${JSON.stringify(column)}. ${columns()}`)
  const given = text.slice(equals + 1)
  if (given === '') return { column, value: null }
  const type = PHOTO_COLUMNS[column]
  // A day, a month or a year is a timestamp too: it matches every moment in it.
  const value = type === 'timestamp' ? given.trim() : parseValue(type, given)
  if (value === undefined)
    throw new AppError('FILTER_INVALID', `--where ${column}: a ${type} expected, found ${JSON.stringify(given)}.`)
  return { column, value }
}

/** Whether a photo meets every condition. Text is compared as it stands, numbers by value, timestamps by their beginning. */
export function matches(photo: Photo, conditions: readonly Condition[]): boolean {
  return conditions.every(({ column, value }) => {
    const actual = photo[column]
    if (PHOTO_COLUMNS[column] === 'timestamp' && typeof actual === 'string' && typeof value === 'string')
      return actual.startsWith(value)
    return actual === value
  })
}

function columns(): string {
  return `Columns: ${DATASET_HEADER.join(', ')}.`
}
