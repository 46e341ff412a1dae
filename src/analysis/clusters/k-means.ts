import { type Matrix, rowOf, squaredNorms } from '../matrix/matrix.js'
import type { Products } from '../matrix/products.js'
import { randomFrom } from '../random.js'
import { seedCentres } from './seeding.js'

export interface KMeansOptions {
  /** Number of clusters. */
  k: number
  /** Starts with other first centres; the result with the least inertia counts. */
  starts: number
  seed: number
  maxIterations?: number
  signal?: AbortSignal
  /** Called after each iteration. */
  onIteration?: (start: number, iteration: number) => void
}

export interface KMeansResult {
  /** Cluster of each row, [n]. */
  assignment: Int32Array
  /** Means of the clusters, [k, d]. */
  centres: Matrix
  /** Sum of the squared Euclidean distances of the rows from their centres. */
  inertia: number
  iterations: number
}

const MAX_ITERATIONS = 300
/** Of the mean variance of the columns: the sum of squared moves of the centres that ends the iterations (scikit-learn's). */
const TOLERANCE = 1e-4

/**
 * k-means by Lloyd's algorithm, its distances by matrix products. Stops where no row changes its cluster, or the centres
 * hardly move. A cluster that loses all rows takes the row that is farthest from its centre.
 * @param data [n, d], n >= k
 */
export async function kMeans(products: Products, data: Matrix, options: KMeansOptions): Promise<KMeansResult> {
  const { k, starts, seed, signal, onIteration, maxIterations = MAX_ITERATIONS } = options
  if (data.rows < k) throw new RangeError(`expected at least ${k} rows for ${k} clusters, found ${data.rows}`)
  const norms = squaredNorms(data)
  const tolerance = TOLERANCE * meanVariance(data)
  let best: KMeansResult | undefined
  for (let start = 0; start < starts; start++) {
    const random = randomFrom(seed + start)
    const run = new LloydRun(data, norms, await seedCentres(products, data, norms, k, random, signal))
    let iterations = 0
    for (let isDone = false; !isDone && iterations < maxIterations; ) {
      const changed = await run.assign(products, signal)
      isDone = changed === 0 || run.moveCentres() <= tolerance
      onIteration?.(start, ++iterations)
    }
    await run.assign(products, signal)
    const { assignment, centres } = run
    const result = { assignment, centres, inertia: exactInertia(data, assignment, centres), iterations }
    if (best === undefined || result.inertia < best.inertia) best = result
  }
  return best!
}

/** One start: assignment and centres, which take turns. Sums of clusters change with the rows that change their cluster. */
class LloydRun {
  readonly assignment: Int32Array
  /** Squared distance of each row from its centre. */
  private readonly distances: Float64Array
  private readonly sums: Float64Array
  private readonly counts: Int32Array

  constructor(
    private readonly data: Matrix,
    private readonly norms: Float64Array,
    readonly centres: Matrix,
  ) {
    this.assignment = new Int32Array(data.rows).fill(-1)
    this.distances = new Float64Array(data.rows)
    this.sums = new Float64Array(centres.rows * data.columns)
    this.counts = new Int32Array(centres.rows)
  }

  /** Gives each row the nearest centre. @returns rows that changed their cluster */
  async assign(products: Products, signal?: AbortSignal): Promise<number> {
    const { data, norms, centres, assignment, distances } = this
    const k = centres.rows
    let changed = 0
    // The nearest centre has the largest x · c - |c|² / 2.
    const bias = Float32Array.from(squaredNorms(centres), norm => -norm / 2)
    await products.byRows(
      data,
      centres,
      ({ rows, values }, first) => {
        for (let i = 0, at = 0; i < rows; i++, at += k) {
          let nearest = 0
          let most = values[at]!
          for (let c = 1; c < k; c++)
            if (values[at + c]! > most) {
              most = values[at + c]!
              nearest = c
            }
          const row = first + i
          distances[row] = norms[row]! - 2 * most
          if (assignment[row] === nearest) continue
          this.#move(row, nearest)
          changed++
        }
      },
      { bias, signal },
    )
    return changed + this.#fillEmpty()
  }

  /** Moves the centres to the means of their rows. @returns sum of the squared moves */
  moveCentres(): number {
    const { centres, sums, counts } = this
    let moved = 0
    for (let c = 0, at = 0; c < centres.rows; c++)
      for (let j = 0; j < centres.columns; j++, at++) {
        const mean = sums[at]! / counts[c]!
        moved += (mean - centres.values[at]!) ** 2
        centres.values[at] = mean
      }
    return moved
  }

  #move(row: number, to: number): void {
    const { assignment, sums, counts, data } = this
    const from = assignment[row]!
    const values = rowOf(data, row)
    const { columns } = data
    if (from >= 0) {
      counts[from]!--
      for (let j = 0, at = from * columns; j < columns; j++, at++) sums[at]! -= values[j]!
    }
    counts[to]!++
    for (let j = 0, at = to * columns; j < columns; j++, at++) sums[at]! += values[j]!
    assignment[row] = to
  }

  /** @returns clusters that were filled */
  #fillEmpty(): number {
    let filled = 0
    for (let c = 0; c < this.counts.length; c++) {
      if (this.counts[c]! > 0) continue
      let farthest = -1
      for (let row = 0; row < this.distances.length; row++)
        if (
          this.counts[this.assignment[row]!]! > 1 &&
          (farthest < 0 || this.distances[row]! > this.distances[farthest]!)
        )
          farthest = row
      this.distances[farthest] = 0
      this.#move(farthest, c)
      filled++
    }
    return filled
  }
}

function exactInertia(data: Matrix, assignment: Int32Array, centres: Matrix): number {
  const { columns, values } = data
  let sum = 0
  for (let row = 0, at = 0; row < data.rows; row++)
    for (let j = 0, of = assignment[row]! * columns; j < columns; j++, at++, of++) {
      const difference = values[at]! - centres.values[of]!
      sum += difference * difference
    }
  return sum
}

function meanVariance({ rows, columns, values }: Matrix): number {
  const sums = new Float64Array(columns)
  let squares = 0
  for (let row = 0, at = 0; row < rows; row++)
    for (let j = 0; j < columns; j++, at++) {
      sums[j]! += values[at]!
      squares += values[at]! * values[at]!
    }
  const ofMeans = sums.reduce((sum, each) => sum + (each / rows) ** 2, 0)
  return (squares / rows - ofMeans) / columns
}
