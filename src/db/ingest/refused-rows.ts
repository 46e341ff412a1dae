import { AppError } from '../../domain/errors.js'
import type { RefusedRow } from '../../domain/ports/repository.js'
import { errorMessage } from '../../domain/text/error-text.js'
import { isRefusedValue } from '../errors.js'

/**
 * Writes rows in one statement. If Postgres refuses a value, halves the rows until only the refused ones are left, so
 * that a row which no check foresaw costs only itself: 2 log2(n) statements for one of n rows.
 * @param write one statement, on its own a transaction. Resolves to the number of rows it wrote
 */
export async function writeAllButRefused<T>(
  rows: readonly T[],
  write: (rows: readonly T[]) => Promise<number>,
): Promise<{ written: number; refused: RefusedRow[] }> {
  const refused: RefusedRow[] = []
  const writeRange = async (from: number, to: number): Promise<number> => {
    try {
      return await write(rows.slice(from, to))
    } catch (error) {
      if (!isRefusedValue(error)) throw error
      if (to - from === 1) {
        refused.push({ index: from, reason: errorMessage(error instanceof AppError ? error.cause : error) })
        return 0
      }
      const middle = (from + to) >> 1
      return (await writeRange(from, middle)) + (await writeRange(middle, to))
    }
  }
  const written = rows.length > 0 ? await writeRange(0, rows.length) : 0
  return { written, refused }
}
