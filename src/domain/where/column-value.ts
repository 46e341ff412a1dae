import type { ColumnType } from '../photo.js'

export type ColumnScalar = string | number | boolean

const INT32_MAX = 2 ** 31 - 1
const NUMBER_PATTERN = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/
const BOOLEANS = new Map<string, boolean>([
  ...['t', 'true', 'y', 'yes', 'on', '1'].map(text => [text, true] as const),
  ...['f', 'false', 'n', 'no', 'off', '0'].map(text => [text, false] as const),
])
const TIMESTAMP_PATTERN =
  /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d)(?:\.\d{1,9})?)?(?: ?(?:Z|UTC|[+-](\d\d)(?::?([0-5]\d))?))?)?$/

/**
 * Reads a field as the type of its column, as Postgres would.
 * @param text not empty
 * @returns undefined when the text is no value of this type
 */
export function parseValue(type: ColumnType, text: string): ColumnScalar | undefined {
  switch (type) {
    case 'text':
      return text
    case 'timestamp':
      return parseTimestamp(text.trim())
    case 'boolean':
      return BOOLEANS.get(text.trim().toLowerCase())
    case 'integer':
      return parseInteger(text.trim(), INT32_MAX)
    case 'bigint':
      return parseInteger(text.trim(), Number.MAX_SAFE_INTEGER)
    case 'number':
      return parseNumber(text.trim())
  }
}

function parseNumber(text: string): number | undefined {
  const value = NUMBER_PATTERN.test(text) ? Number(text) : Number.NaN
  return Number.isFinite(value) ? value : undefined
}

/** Tools that know only floats write 400 as `400.0`; that is an integer too. */
function parseInteger(text: string, max: number): number | undefined {
  const value = parseNumber(text)
  return value !== undefined && Number.isInteger(value) && Math.abs(value) <= max ? value : undefined
}

/** Kept as text, because a JavaScript date would lose its microseconds; but checked, because Postgres would refuse it. */
function parseTimestamp(text: string): string | undefined {
  const match = TIMESTAMP_PATTERN.exec(text)
  if (!match) return undefined
  const [year, month, day, hour, minute, second, zone] = match.slice(1, 8).map(part => Number(part ?? 0))
  const valid =
    year! >= 1 &&
    month! >= 1 &&
    month! <= 12 &&
    day! >= 1 &&
    day! <= daysIn(year!, month!) &&
    hour! <= 23 &&
    minute! <= 59 &&
    second! <= 59 &&
    zone! <= 15
  return valid ? text : undefined
}

function daysIn(year: number, month: number): number {
  if (month !== 2) return [4, 6, 9, 11].includes(month) ? 30 : 31
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
}
