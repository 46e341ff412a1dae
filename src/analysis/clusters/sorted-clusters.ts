import type { Matrix } from '../matrix/matrix.js'

/** Clusters of rows, the largest first, and those of no cluster. */
export interface Clusters {
  /** Position of the cluster of each row, [n]; -1: none. */
  assignment: Int32Array
  /** Rows per cluster. */
  sizes: number[]
  /** Means of the clusters in the space of the vectors, scaled to unit length, [clusters, d]. */
  centres: Matrix
}

/**
 * Sorts clusters by falling size, and computes their centres.
 * @param vectors [n, d] @param assignment cluster of each row, -1: none @param count clusters
 */
export function sortedClusters(vectors: Matrix, assignment: Int32Array, count: number): Clusters {
  const sizes = new Array<number>(count).fill(0)
  for (const cluster of assignment) if (cluster >= 0) sizes[cluster]!++
  const order = Array.from(sizes.keys()).sort((a, b) => sizes[b]! - sizes[a]! || a - b)
  const place = new Int32Array(count)
  for (const [to, from] of order.entries()) place[from] = to
  const sorted = assignment.map(cluster => (cluster < 0 ? -1 : place[cluster]!))
  return {
    assignment: sorted,
    sizes: order.map(cluster => sizes[cluster]!),
    centres: unitMeans(vectors, sorted, count),
  }
}

/** The rows of a cluster, those most similar to its centre first. */
export function representatives(vectors: Matrix, { assignment, centres }: Clusters, cluster: number): number[] {
  const { columns } = vectors
  const scored: { row: number; score: number }[] = []
  for (let row = 0; row < vectors.rows; row++) {
    if (assignment[row] !== cluster) continue
    let score = 0
    for (let j = 0; j < columns; j++)
      score += vectors.values[row * columns + j]! * centres.values[cluster * columns + j]!
    scored.push({ row, score })
  }
  return scored.sort((a, b) => b.score - a.score || a.row - b.row).map(({ row }) => row)
}

function unitMeans({ rows, columns, values }: Matrix, assignment: Int32Array, count: number): Matrix {
  const sums = new Float64Array(count * columns)
  for (let row = 0; row < rows; row++) {
    const cluster = assignment[row]!
    if (cluster < 0) continue
    for (let j = 0, from = row * columns, to = cluster * columns; j < columns; j++) sums[to++]! += values[from++]!
  }
  const centres = new Float32Array(sums.length)
  for (let cluster = 0; cluster < count; cluster++) {
    const range = [cluster * columns, (cluster + 1) * columns] as const
    const sum = sums.subarray(...range)
    const length = Math.sqrt(sum.reduce((total, value) => total + value * value, 0))
    for (let j = 0; j < columns; j++) centres[range[0] + j] = length > 0 ? sum[j]! / length : 0
  }
  return { rows: count, columns, values: centres }
}
