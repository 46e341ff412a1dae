import { AppError } from '../../domain/errors.js'
import { MEBIBYTE } from '../../domain/units.js'

/** Any archive may inflate to this size: tables of that size are ordinary. */
const FREE_BYTES = 256 * MEBIBYTE
/** The dataset's tables compress to a quarter; deflate reaches a thousandth, with one repeated byte. */
const MAX_RATIO = 250

/**
 * Refuses archives that inflate without end. They cost time rather than memory, since rows are read one by one.
 * @param packedBytes number of compressed bytes read
 * @throws AppError INPUT_INVALID
 */
export function checkInflation(name: string, packedBytes: number, inflatedBytes: number): void {
  if (inflatedBytes <= Math.max(FREE_BYTES, MAX_RATIO * packedBytes)) return
  throw new AppError(
    'INPUT_INVALID',
    `${name}: at most ${MAX_RATIO} times its size expected once decompressed, found more. If it is what it should be, decompress it first.`,
  )
}
