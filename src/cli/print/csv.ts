import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { type CsvValue, csvLine } from '../../domain/text/csv.js'
import { fileFailure } from '../unexpected.js'

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
