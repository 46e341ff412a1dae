import { AppError } from '../domain/errors.js'

const MEBIBYTE = 1024 * 1024

/** So much may come out of any archive: a table of that size is nothing special. */
const FREE_BYTES = 256 * MEBIBYTE
/** The dataset's tables shrink to a quarter; deflate can do a thousandth, with one byte repeated. */
const MAX_RATIO = 250

/**
 * Refuses compressed data that are made to be endless. Memory is not at stake, rows are read one by one, but time is.
 * @param packedBytes how many compressed bytes went in
 * @throws AppError INPUT_INVALID
 */
export function checkInflation(name: string, packedBytes: number, inflatedBytes: number): void {
  if (inflatedBytes <= Math.max(FREE_BYTES, MAX_RATIO * packedBytes)) return
  throw new AppError(
    'INPUT_INVALID',
    `${name}: at most ${MAX_RATIO} times its size expected once decompressed, found more. If it is what it should be, decompress it first.`,
  )
}
