import { PHOTO_COLUMNS, type Photo } from '../../domain/photo.js'
import type { ColumnFilter } from '../../domain/ports/search.js'
import { toMicroseconds, type WhereFilter } from '../../domain/where/parse-where.js'

/** Whether a photo meets every condition. Compares text literally, numbers by value, timestamps by prefix. */
export function matches(photo: Photo, conditions: readonly WhereFilter[]): boolean {
  return conditions.every(condition => {
    const actual = photo[condition.column]
    if (!('value' in condition)) return (actual === null) === (condition.operator === 'is null')
    if (actual === null) return false
    if (condition.operator === 'in') return condition.value.some(value => compare(photo, condition.column, value) === 0)
    return compares(photo, condition)
  })
}

function compares(photo: Photo, { column, operator, value }: ColumnFilter): boolean {
  if (operator === '~') return String(photo[column]).toLowerCase().includes(value.toLowerCase())
  const order = compare(photo, column, value)
  switch (operator) {
    case '=':
      return order === 0
    case '!=':
      return order !== 0
    case '<':
      return order < 0
    case '<=':
      return order <= 0
    case '>':
      return order > 0
    case '>=':
      return order >= 0
  }
}

/** @returns the sign of the photo's known value minus the given one, which fits the type of the column */
function compare(photo: Photo, column: WhereFilter['column'], value: string): number {
  const actual = photo[column]
  switch (PHOTO_COLUMNS[column]) {
    case 'text':
      return Buffer.compare(Buffer.from(String(actual)), Buffer.from(value))
    case 'timestamp':
      return byOrder(toMoment(String(actual)), value)
    case 'boolean':
      return byOrder(Number(actual), Number(value === 'true'))
    default:
      return byOrder(Number(actual), Number(value))
  }
}

function byOrder<T extends string | number>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** A day in the input is its first moment, as Postgres stores it. */
function toMoment(timestamp: string): string {
  const moment = toMicroseconds(timestamp)
  return moment.includes(' ') ? moment : `${moment} 00:00:00.000000`
}
