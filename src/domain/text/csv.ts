import { PHOTO_ID_PATTERN } from '../photo.js'

/** `id`: written as it is, so that tables join; see {@link PHOTO_ID_PATTERN}. */
export type CsvValue = string | number | boolean | null | undefined | { id: string }

/**
 * Texts that spreadsheets take for formulas, also in full width
 * (https://owasp.org/www-community/attacks/CSV_Injection).
 */
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/
const NEEDS_QUOTES = /[",;\t\r\n]|^\s|\s$/

/**
 * Returns one record of RFC 4180 with its line break. An apostrophe precedes texts that a spreadsheet would compute;
 * numbers stay numbers, also negative ones; photo ids stay as they are; unknown
 * values are empty fields.
 */
export function csvLine(values: readonly CsvValue[]): string {
  return `${values.map(csvField).join(',')}\r\n`
}

function csvField(value: CsvValue): string {
  if (value === null || value === undefined || Number.isNaN(value)) return ''
  // Ids may begin with a hyphen. Letters, digits, _ and - make no call and no reference to elsewhere: no formula does harm.
  if (typeof value === 'object') return PHOTO_ID_PATTERN.test(value.id) ? value.id : csvField(value.id)
  if (typeof value !== 'string') return String(value)
  const harmless = FORMULA.test(value) ? `'${value}` : value
  return NEEDS_QUOTES.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless
}
