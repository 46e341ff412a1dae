import { type Matrix, matrix, pickRows } from '../../matrix/matrix.js'
import type { Products } from '../../matrix/products.js'
import { drawDistinct, randomFrom } from '../../random.js'
import { hdbscan } from './hdbscan.js'

/** Rows that are compared with each other: 10^8 distances, computed twice. */
export const HDBSCAN_ROWS = 10_000

export interface DensityOptions {
  /** Fewest rows of a cluster. */
  minClusterSize: number
  seed: number
  signal?: AbortSignal
}

export interface DensityClusters {
  /** [n]; -1: noise */
  assignment: Int32Array
  /** In [0, 1], [n]; 0 for noise. */
  membership: Float64Array
  clusters: number
}

/**
 * HDBSCAN of all rows. Of more than HDBSCAN_ROWS a random sample is clustered, and each other row goes the way of the nearest
 * row of the sample.
 * @param data [n, d], some tens of columns
 */
export async function clusterByDensity(
  products: Products,
  data: Matrix,
  { minClusterSize, seed, signal }: DensityOptions,
): Promise<DensityClusters> {
  if (data.rows <= HDBSCAN_ROWS) return hdbscan(data, { minClusterSize, signal })
  const drawn = drawDistinct(HDBSCAN_ROWS, data.rows, randomFrom(seed))
  const sample = pickRows(data, drawn)
  const share = HDBSCAN_ROWS / data.rows
  const found = await hdbscan(sample, { minClusterSize: Math.max(2, Math.round(minClusterSize * share)), signal })
  const nearest = await nearestOf(products, data, sample, signal)
  return {
    assignment: nearest.map(row => found.assignment[row]!),
    membership: Float64Array.from(nearest, row => found.membership[row]!),
    clusters: found.clusters,
  }
}

/** The nearest row of a sample to each row, by Euclidean distance. [n] */
async function nearestOf(products: Products, data: Matrix, sample: Matrix, signal?: AbortSignal): Promise<Int32Array> {
  const nearest = new Int32Array(data.rows)
  const halves = matrix(sample.rows, 1)
  for (let i = 0, at = 0; i < sample.rows; i++)
    for (let j = 0; j < sample.columns; j++, at++) halves.values[i]! -= (sample.values[at]! * sample.values[at]!) / 2
  await products.byRows(
    data,
    sample,
    ({ rows, columns, values }, first) => {
      for (let i = 0; i < rows; i++) {
        let best = 0
        for (let at = i * columns, c = 1; c < columns; c++) if (values[at + c]! > values[at + best]!) best = c
        nearest[first + i] = best
      }
    },
    { bias: halves.values, signal },
  )
  return nearest
}
