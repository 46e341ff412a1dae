import { type Matrix, pickRows, squaredNorms } from '../matrix/matrix.js'
import type { Products } from '../matrix/products.js'
import { drawDistinct, randomFrom } from '../random.js'

/** Rows that are compared with each other: 10^8 distances. */
export const SILHOUETTE_ROWS = 10_000

/**
 * Mean silhouette of several assignments of the same rows (Rousseeuw 1987): (b - a) / max(a, b), where a is the mean
 * Euclidean distance of a row from the others of its cluster, b the least mean distance from the rows of another cluster; 0
 * for a row that is alone. All distances are computed once, for all assignments. More than SILHOUETTE_ROWS rows are sampled.
 * @param assignments [n] each; rows with a negative cluster are left out
 * @returns in [-1, 1] per assignment; NaN for one with a single cluster
 */
export async function silhouettes(
  products: Products,
  data: Matrix,
  assignments: readonly Int32Array[],
  { seed = 0, signal }: { seed?: number; signal?: AbortSignal } = {},
): Promise<number[]> {
  const drawn = data.rows <= SILHOUETTE_ROWS ? undefined : drawDistinct(SILHOUETTE_ROWS, data.rows, randomFrom(seed))
  const rows = drawn ? pickRows(data, drawn) : data
  const parts = assignments.map(all => new Scored(drawn ? drawn.map(row => all[row]!) : all))
  const norms = squaredNorms(rows)
  await products.byRows(
    rows,
    rows,
    ({ rows: count, values }, first) => {
      for (let i = 0; i < count; i++) {
        const distances = values.subarray(i * rows.rows, (i + 1) * rows.rows)
        const row = first + i
        for (let other = 0; other < distances.length; other++)
          distances[other] = Math.sqrt(Math.max(0, norms[row]! + norms[other]! - 2 * distances[other]!))
        distances[row] = 0
        for (const part of parts) part.add(row, distances)
      }
    },
    { signal },
  )
  return parts.map(part => part.mean)
}

/** The silhouettes of one assignment, summed row by row. */
class Scored {
  private readonly counts: Float64Array
  private readonly sums: Float64Array
  private total = 0
  private rows = 0

  constructor(private readonly assignment: Int32Array) {
    const clusters = assignment.reduce((most, cluster) => Math.max(most, cluster), -1) + 1
    this.counts = new Float64Array(clusters)
    this.sums = new Float64Array(clusters)
    for (const cluster of assignment) if (cluster >= 0) this.counts[cluster]!++
  }

  /** @param distances of the row from all rows */
  add(row: number, distances: Float32Array): void {
    const { assignment, counts, sums } = this
    const own = assignment[row]!
    if (own < 0) return
    sums.fill(0)
    for (let other = 0; other < distances.length; other++) {
      const cluster = assignment[other]!
      if (cluster >= 0) sums[cluster]! += distances[other]!
    }
    this.rows++
    if (counts[own]! === 1) return
    const within = sums[own]! / (counts[own]! - 1)
    let nearest = Number.POSITIVE_INFINITY
    for (let cluster = 0; cluster < sums.length; cluster++)
      if (cluster !== own && counts[cluster]! > 0) nearest = Math.min(nearest, sums[cluster]! / counts[cluster]!)
    if (nearest === Number.POSITIVE_INFINITY) return
    const larger = Math.max(within, nearest)
    if (larger > 0) this.total += (nearest - within) / larger
  }

  get mean(): number {
    const clusters = this.counts.filter(count => count > 0).length
    return clusters < 2 ? Number.NaN : this.total / this.rows
  }
}
