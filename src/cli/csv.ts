import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { AppError } from '../domain/errors.js'

export type CsvValue = string | number | boolean | null | undefined

/**
 * What a spreadsheet takes for the beginning of a formula, also in full width
 * (https://owasp.org/www-community/attacks/CSV_Injection).
 */
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/
const NEEDS_QUOTES = /[",;\t\r\n]|^\s|\s$/

/**
 * One record as RFC 4180 has it, its line break included. A text that a spreadsheet would compute gets an apostrophe in
 * front; numbers stay numbers, also negative ones; what is unknown is an empty field.
 */
export function csvLine(values: readonly CsvValue[]): string {
  return `${values.map(csvField).join(',')}\r\n`
}

/**
 * Writes a table in UTF-8, record by record.
 * @throws AppError USAGE when the file cannot be written
 */
export async function writeCsv(
  file: string,
  header: readonly string[],
  rows: Iterable<readonly CsvValue[]> | AsyncIterable<readonly CsvValue[]>,
): Promise<void> {
  const out = createWriteStream(file)
  let refused: Error | undefined
  out.on('error', error => {
    refused = error
  })
  try {
    await pipeline(linesOf(header, rows), out)
  } catch (cause) {
    if (cause !== refused) throw cause
    throw new AppError('USAGE', `--csv: a file that can be written expected: ${refused?.message}`, { cause })
  }
}

async function* linesOf(
  header: readonly string[],
  rows: Iterable<readonly CsvValue[]> | AsyncIterable<readonly CsvValue[]>,
): AsyncGenerator<string> {
  yield csvLine(header)
  for await (const row of rows) yield csvLine(row)
}

function csvField(value: CsvValue): string {
  if (value === null || value === undefined || Number.isNaN(value)) return ''
  if (typeof value !== 'string') return String(value)
  const harmless = FORMULA.test(value) ? `'${value}` : value
  return NEEDS_QUOTES.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless
}
