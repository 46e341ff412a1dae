/** A dense matrix of float32 in row-major order: element (i, j) is `values[i * columns + j]`. */
export interface Matrix {
  readonly rows: number
  readonly columns: number
  /** [rows, columns] */
  readonly values: Float32Array
}

/** @param values [rows, columns]; default: zeros */
export function matrix(rows: number, columns: number, values: Float32Array = new Float32Array(rows * columns)): Matrix {
  if (values.length !== rows * columns)
    throw new RangeError(`expected ${rows} x ${columns} values, found ${values.length}`)
  return { rows, columns, values }
}

/** Row `index`, [columns]: a view, not a copy. */
export function rowOf({ columns, values }: Matrix, index: number): Float32Array {
  return values.subarray(index * columns, (index + 1) * columns)
}

/** Rows from `first` to before `end`: a view, not a copy. */
export function rowsOf({ columns, values }: Matrix, first: number, end: number): Matrix {
  return { rows: end - first, columns, values: values.subarray(first * columns, end * columns) }
}

/** Copies the named rows, in this order. */
export function pickRows(of: Matrix, indices: ArrayLike<number>): Matrix {
  const picked = matrix(indices.length, of.columns)
  for (let i = 0; i < indices.length; i++) picked.values.set(rowOf(of, indices[i]!), i * of.columns)
  return picked
}

/** Whether all rows are the same. */
export function rowsAreEqual({ columns, values }: Matrix): boolean {
  return values.every((value, at) => value === values[at % columns])
}

/** Sum of squares of each row, [rows]. */
export function squaredNorms(of: Matrix): Float64Array {
  const { rows, columns, values } = of
  const norms = new Float64Array(rows)
  for (let i = 0, at = 0; i < rows; i++) {
    let sum = 0
    for (const end = at + columns; at < end; at++) sum += values[at]! * values[at]!
    norms[i] = sum
  }
  return norms
}

/** Mean of each column, [columns]. */
export function columnMeans({ rows, columns, values }: Matrix): Float64Array {
  const means = new Float64Array(columns)
  for (let i = 0, at = 0; i < rows; i++) for (let j = 0; j < columns; j++, at++) means[j]! += values[at]!
  for (let j = 0; j < columns; j++) means[j]! /= rows
  return means
}
