import { drawDistinct, randomFrom } from '../analysis/random.js'

/** Mean of a measure over queries, with the interval of its bootstrap. */
export interface Estimate {
  mean: number
  /** Ends of the 95 % interval. */
  low: number
  high: number
}

/** Share of the resamples that lies outside of the interval on either side. */
const TAIL = 0.025

/**
 * Means over queries with percentile intervals. Queries are drawn with replacement, the same ones for every column, so
 * the difference of two columns is paired (B. Efron, R. Tibshirani, "An Introduction to the Bootstrap", 1993).
 * @param columns one value per query each, [queries], at least one query
 * @returns one per column
 */
export function estimates(columns: readonly Float64Array[], resamples: number, seed: number): Estimate[] {
  const queries = columns[0]?.length ?? 0
  const random = randomFrom(seed)
  const means = columns.map(() => new Float64Array(resamples))
  const draw = new Int32Array(queries)
  for (let resample = 0; resample < resamples; resample++) {
    for (let i = 0; i < queries; i++) draw[i] = Math.floor(random() * queries)
    for (const [c, column] of columns.entries()) {
      let sum = 0
      for (const query of draw) sum += column[query]!
      means[c]![resample] = sum / queries
    }
  }
  return columns.map((column, c) => {
    const sorted = means[c]!.sort()
    return { mean: meanOf(column), low: quantile(sorted, TAIL), high: quantile(sorted, 1 - TAIL) }
  })
}

export function meanOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Between two values the quantile lies on the line, as in NumPy. @param sorted rising, at least one */
function quantile(sorted: Float64Array, share: number): number {
  const place = share * (sorted.length - 1)
  const below = Math.floor(place)
  const low = sorted[below]!
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!
  return low + (high - low) * (place - below)
}

/** Two random halves of the queries, rising places each. Of an odd number the first half has one more. */
export function halvesOf(queries: number, seed: number): [first: Int32Array, second: Int32Array] {
  const first = drawDistinct(Math.ceil(queries / 2), queries, randomFrom(seed))
  const isFirst = new Set(first)
  const others = Array.from({ length: queries }, (_, i) => i).filter(i => !isFirst.has(i))
  return [first, Int32Array.from(others)]
}
