import { type Matrix, matrix } from '../matrix/matrix.js'

/** A matrix of these rows. @param columns needed where there may be no row */
export function stackRows(rows: readonly Float32Array[], columns = rows[0]?.length ?? 0): Matrix {
  const stacked = matrix(rows.length, columns)
  rows.forEach((row, i) => {
    stacked.values.set(row, i * columns)
  })
  return stacked
}
