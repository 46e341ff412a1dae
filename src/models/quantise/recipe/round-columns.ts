import type { Matrix } from './matrices.js'

const MOST = 127
/** Height of a column of zeros. */
const LEAST_HEIGHT = 1e-12

/**
 * Rounds a matrix to signed bytes, with a scale per column.
 *
 * x86 CPUs without VNNI add the products of two neighbours of a column, rows 2i and 2i + 1, in 16 bits with a sign. So no
 * two neighbours of the same sign add up to more than 128: 255 × 128 still fits. The scale is that of the highest such
 * sum, instead of the highest weight; rounding adds at most 1 to a sum of 127.
 */
export function roundColumns(matrix: Matrix): { bytes: Uint8Array; scales: Float32Array } {
  const scales = neighbourHeights(matrix).map(height => height / MOST)
  const { values, columns } = matrix
  const bytes = new Int8Array(values.length)
  for (let at = 0, column = 0; at < values.length; at++) {
    bytes[at] = Math.max(-MOST, Math.min(MOST, Math.round(values[at]! / scales[column]!)))
    column = column + 1 === columns ? 0 : column + 1
  }
  return { bytes: new Uint8Array(bytes.buffer), scales }
}

/** Returns the highest absolute sum of each column of two neighbours of the same sign, or of one alone; never 0. */
function neighbourHeights({ values, rows, columns }: Matrix): Float32Array {
  const highest = new Float32Array(columns).fill(LEAST_HEIGHT)
  for (let row = 0; row < rows; row += 2)
    for (let column = 0, at = row * columns; column < columns; column++, at++) {
      const one = values[at]!
      const other = row + 1 < rows ? values[at + columns]! : 0
      const height = one * other > 0 ? Math.abs(one + other) : Math.max(Math.abs(one), Math.abs(other))
      if (height > highest[column]!) highest[column] = height
    }
  return highest
}
