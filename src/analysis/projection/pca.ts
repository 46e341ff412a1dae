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

/** Rows whose mean is taken for the mean of all, in order to keep the digits of the products. */
const ROWS_OF_A_GUESS = 1024

/**
 * Principal components from the covariance of the columns, [d, d], whose eigenvectors they are.
 * @param data [n, d], n >= 2
 * @param count components, at most d
 */
export async function pca(products: Products, data: Matrix, count: number, signal?: AbortSignal): Promise<Pca> {
  const { columns: d } = data
  const { means, covariance } = await covarianceOf(products, data, signal)
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

/** Means of the columns, [d], and their covariance, [d, d], with n - 1 in the denominator. */
async function covarianceOf(products: Products, data: Matrix, signal?: AbortSignal) {
  const { rows, columns: d } = data
  const guess = Float32Array.from(columnMeans(rowsOf(data, 0, Math.min(rows, ROWS_OF_A_GUESS))))
  const { sums, products: covariance } = await products.moments(data, guess, { signal })
  for (let i = 0; i < d; i++)
    for (let j = 0; j < d; j++)
      covariance[i * d + j] = (covariance[i * d + j]! - (sums[i]! * sums[j]!) / rows) / (rows - 1)
  return { means: sums.map((sum, j) => guess[j]! + sum / rows), covariance }
}

/** The sign of a component is arbitrary: the element of the largest magnitude is to be positive. */
function makePositive(vector: Float64Array): void {
  const largest = vector.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0)
  if (largest < 0) for (let j = 0; j < vector.length; j++) vector[j] = -vector[j]!
}
