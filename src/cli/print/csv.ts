import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { PHOTO_ID_PATTERN } from '../../domain/photo.js'
import { fileFailure } from '../unexpected.js'

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

/**
 * Writes a table in UTF-8, record by record.
 * @throws AppError FILE_FAILED
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
    // The file may be opened only after its rows failed; who removes its folder then would meet it.
    if (!out.closed) await once(out, 'close')
    if (cause !== refused) throw cause
    throw fileFailure(cause) ?? cause
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
  // Ids may begin with a hyphen. Letters, digits, _ and - make no call and no reference to elsewhere: no formula does harm.
  if (typeof value === 'object') return PHOTO_ID_PATTERN.test(value.id) ? value.id : csvField(value.id)
  if (typeof value !== 'string') return String(value)
  const harmless = FORMULA.test(value) ? `'${value}` : value
  return NEEDS_QUOTES.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless
}
