/** Numbers row by row, [rows, columns]. */
export interface Matrix {
  readonly values: Float32Array
  readonly rows: number
  readonly columns: number
}

/** Multiplies each row by a factor, in place. */
export function multiplyRows({ values, columns }: Matrix, by: Float64Array): void {
  for (let at = 0; at < values.length; at++) values[at]! *= by[Math.floor(at / columns)]!
}

/** Divides each column by a number, in place. */
export function divideColumns({ values, columns }: Matrix, by: Float64Array): void {
  for (let at = 0; at < values.length; at++) values[at]! /= by[at % columns]!
}

export function pickRows({ values, columns }: Matrix, rows: readonly number[]): Matrix {
  const picked = new Float32Array(rows.length * columns)
  for (const [to, from] of rows.entries())
    picked.set(values.subarray(from * columns, (from + 1) * columns), to * columns)
  return { values: picked, rows: rows.length, columns }
}

export function pickColumns({ values, rows, columns }: Matrix, picks: readonly number[]): Matrix {
  const picked = new Float32Array(rows * picks.length)
  for (let row = 0, at = 0; row < rows; row++)
    for (const column of picks) picked[at++] = values[row * columns + column]!
  return { values: picked, rows, columns: picks.length }
}

/** Returns the highest absolute number of each column; never 0. */
export function columnHeights({ values, columns }: Pick<Matrix, 'values' | 'columns'>): Float32Array {
  const highest = new Float32Array(columns).fill(1e-12)
  for (let at = 0, column = 0; at < values.length; at++) {
    const height = Math.abs(values[at]!)
    if (height > highest[column]!) highest[column] = height
    column = column + 1 === columns ? 0 : column + 1
  }
  return highest
}

/** Returns a vector plus the product of another one with a matrix. @param sum absent: zeros */
export function addProduct(
  sum: ArrayLike<number> | undefined,
  by: Float64Array,
  { values, columns }: Matrix,
): Float64Array {
  const result = sum ? Float64Array.from(sum) : new Float64Array(columns)
  for (let row = 0, at = 0; row < by.length; row++)
    for (let column = 0; column < columns; column++, at++) result[column]! += by[row]! * values[at]!
  return result
}
