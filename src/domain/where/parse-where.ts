import { AppError } from '../errors.js'
import { PHOTO_COLUMNS, type PhotoColumn } from '../photo.js'
import type { ColumnFilter, FilterOperator, ListFilter, NullFilter } from '../ports/search.js'
import { parseValue } from './column-value.js'

/** A condition on a metadata column, as the SQL functions take it. Its values fit the type of the column. */
export type WhereFilter = ColumnFilter | ListFilter | NullFilter

/** The grammar in one line, for help texts. */
export const WHERE_SYNTAX = 'COLUMN and = != < <= > >= or ~ (contains) and a value, COLUMN in A|B, COLUMN is [not] null'

const COMPARISON = /^\s*([^\s=!<>~]+)\s*(>=|<=|!=|=|<|>|~)\s*([\s\S]*)$/
const LIST = /^\s*([^\s=!<>~]+)\s+in\s+([\s\S]*)$/
const NULL = /^\s*([^\s=!<>~]+)\s+(is(?:\s+not)?)\s+null\s*$/

/**
 * Reads a condition of `--where`:
 *
 *     condition = column operator value       operator: = != < <= > >= ~
 *               | column "in" value { "|" value }
 *               | column "is null" | column "is not null"
 *
 * - A column is one of the table `photos`: those of `photos.tsv`, and those of image files. Spaces around columns, operators and list values do not count.
 * - A value has the type of its column. Integers may be written as 400.0, booleans as true or t.
 * - Texts are compared by their bytes. `~` looks inside texts and ignores case.
 * - A timestamp is a moment, or a day, month or year (2014-09), which stands for all its moments.
 * - `COLUMN=` means `is null`, and `COLUMN!=` means `is not null`.
 * - An unknown value meets only `is null`.
 *
 * @returns one filter, or two that must both hold
 * @throws AppError FILTER_INVALID
 */
export function parseWhere(text: string): WhereFilter[] {
  const [, nullColumn, isNull] = NULL.exec(text) ?? []
  if (nullColumn !== undefined)
    return [{ column: knownColumn(nullColumn), operator: isNull === 'is' ? 'is null' : 'is not null' }]
  const [, listColumn, list] = LIST.exec(text) ?? []
  if (listColumn !== undefined) {
    const column = knownColumn(listColumn)
    return [{ column, operator: 'in', value: list!.split('|').map(value => readValue(column, 'in', value.trim())) }]
  }
  const [, name, operator, value] = COMPARISON.exec(text) ?? []
  if (name === undefined)
    throw new AppError('FILTER_INVALID', `--where expects ${WHERE_SYNTAX}; found ${JSON.stringify(text)}.`)
  return comparison(knownColumn(name), operator as FilterOperator, value!)
}

function comparison(column: PhotoColumn, operator: FilterOperator, text: string): WhereFilter[] {
  if (text === '' && operator === '=') return [{ column, operator: 'is null' }]
  if (text === '' && operator === '!=') return [{ column, operator: 'is not null' }]
  const type = PHOTO_COLUMNS[column]
  if (operator === '~' && type !== 'text')
    throw invalid(column, 'a text column before ~, which looks inside text', `${column} of type ${type}`)
  const period = type === 'timestamp' ? periodOf(text.trim()) : undefined
  if (period === undefined || operator === '!=') return [{ column, operator, value: readValue(column, operator, text) }]
  const { first, last } = period
  if (operator === '=')
    return [
      { column, operator: '>=', value: first },
      { column, operator: '<=', value: last },
    ]
  return [{ column, operator, value: operator === '<' || operator === '>=' ? first : last }]
}

function knownColumn(name: string): PhotoColumn {
  if (Object.hasOwn(PHOTO_COLUMNS, name)) return name as PhotoColumn
  const columns = Object.keys(PHOTO_COLUMNS).join(', ')
  throw new AppError('FILTER_INVALID', `--where: there is no column ${JSON.stringify(name)}. Columns: ${columns}.`)
}

/** A single value in the form that Postgres reads. */
function readValue(column: PhotoColumn, operator: string, text: string): string {
  const type = PHOTO_COLUMNS[column]
  const value = text === '' ? undefined : parseValue(type, text)
  if (value === undefined) throw invalid(column, `a value of type ${type} after ${operator}`, JSON.stringify(text))
  if (type !== 'timestamp') return String(value)
  const moment = toMicroseconds(String(value))
  if (moment.length > DAY_LENGTH) return moment
  throw invalid(column, `a day with a time after ${operator}`, `${JSON.stringify(text)}. Use < and > for a whole day`)
}

function invalid(column: PhotoColumn, expected: string, found: string): AppError {
  return new AppError('FILTER_INVALID', `--where ${column}: expected ${expected}, found ${found}.`)
}

const DAY_LENGTH = '2014-09-29'.length

/** First and last microsecond of a year, month or day; undefined for other texts. */
function periodOf(text: string): { first: string; last: string } | undefined {
  if (!/^\d{4}(-\d\d){0,2}$/.test(text)) return undefined
  const firstDay = `${text}-01-01`.slice(0, DAY_LENGTH)
  if (parseValue('timestamp', firstDay) === undefined) return undefined
  const lastDay =
    text.length === DAY_LENGTH
      ? text
      : ['31', '30', '29', '28']
          .map(day => `${`${text}-12`.slice(0, 7)}-${day}`)
          .find(day => parseValue('timestamp', day) !== undefined)!
  return { first: `${firstDay} 00:00:00.000000`, last: `${lastDay} 23:59:59.999999` }
}

/**
 * A timestamp in one form, so that the order of texts is the order of moments. The zone is dropped, as the column's type
 * `timestamp` drops it. A day stays a day.
 */
export function toMicroseconds(timestamp: string): string {
  const [, day, minute, second = '00', fraction = ''] =
    /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d)(?::(\d\d)(?:\.(\d+))?)?)?/.exec(timestamp)!
  return minute === undefined ? day! : `${day} ${minute}:${second}.${fraction.slice(0, 6).padEnd(6, '0')}`
}
