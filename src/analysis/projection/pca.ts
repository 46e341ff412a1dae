import { columnMeans, type Matrix, matrix, rowsOf } from '../matrix/matrix.js'
import type { Products } from '../matrix/products.js'
import { largestEigen } from './symmetric-eigen.js'

export interface Pca {
  /** [d] */
  means: Float64Array
  /** Directions of the largest variance, falling, [components, d], of unit length. Its largest element is positive. */
  components: Matrix
  /** Variance along each component, [components], with n - 1 in the denominator. */
  variance: Float64Array
  /** Share of the whole variance, [components]. */
  explained: Float64Array
}

/** Rows that are centred and multiplied at once. */
const ROWS_AT_ONCE = 4096

/**
 * Principal components from the covariance of the columns, [d, d], whose eigenvectors they are.
 * @param data [n, d], n >= 2
 * @param count components, at most d
 */
export async function pca(products: Products, data: Matrix, count: number, signal?: AbortSignal): Promise<Pca> {
  const { rows, columns: d } = data
  const means = columnMeans(data)
  const covariance = new Float64Array(d * d)
  const centred = new Float32Array(Math.min(rows, ROWS_AT_ONCE) * d)
  for (let first = 0; first < rows; first += ROWS_AT_ONCE) {
    const block = centre(rowsOf(data, first, Math.min(rows, first + ROWS_AT_ONCE)), means, centred)
    const sums = await products.ofColumns(block, block, { signal })
    for (let i = 0; i < covariance.length; i++) covariance[i]! += sums[i]! / (rows - 1)
  }
  let whole = 0
  for (let j = 0; j < d; j++) whole += covariance[j * d + j]!
  const { values, vectors } = largestEigen(covariance, d, count)
  for (let i = 0; i < count; i++) makePositive(vectors.subarray(i * d, (i + 1) * d))
  const variance = values.map(value => Math.max(0, value))
  return {
    means,
    components: matrix(count, d, Float32Array.from(vectors)),
    variance,
    explained: variance.map(value => (whole > 0 ? value / whole : 0)),
  }
}

/** Coordinates of the rows along the components, [n, components]. */
export function projectRows(
  products: Products,
  data: Matrix,
  { means, components }: Pick<Pca, 'means' | 'components'>,
  signal?: AbortSignal,
): Promise<Matrix> {
  const { rows: count, columns: d, values } = components
  const bias = new Float32Array(count)
  for (let i = 0; i < count; i++) {
    let sum = 0
    for (let j = 0; j < d; j++) sum += values[i * d + j]! * means[j]!
    bias[i] = -sum
  }
  return products.ofRows(data, components, { bias, signal })
}

/** @param room at least as many values as the rows have */
function centre({ rows, columns, values }: Matrix, means: Float64Array, room: Float32Array): Matrix {
  for (let i = 0, at = 0; i < rows; i++) for (let j = 0; j < columns; j++, at++) room[at] = values[at]! - means[j]!
  return matrix(rows, columns, room.subarray(0, rows * columns))
}

/** The sign of a component is arbitrary: the element of the largest magnitude is to be positive. */
function makePositive(vector: Float64Array): void {
  const largest = vector.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0)
  if (largest < 0) for (let j = 0; j < vector.length; j++) vector[j] = -vector[j]!
}
