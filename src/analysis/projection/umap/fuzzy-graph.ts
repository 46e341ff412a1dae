import type { Neighbours } from '../neighbours.js'

/** Weighted edges in both directions, [edges] each. */
export interface FuzzyGraph {
  from: Int32Array
  to: Int32Array
  /** In (0, 1]: how certain it is that the two are neighbours. */
  weight: Float32Array
}

const SEARCH_STEPS = 64
const CLOSE_ENOUGH = 1e-5
/** Least width of a neighbourhood, of its mean distance. */
const LEAST_WIDTH = 1e-3

/**
 * The fuzzy graph of UMAP (McInnes, Healy and Melville 2018, section 3.1): each neighbourhood gets a width of its own, so
 * that its weights exp(-(distance - nearest) / width) add up to log2(k); the two directions of a pair are joined by
 * a + b - a b.
 */
export function fuzzyGraph({ k, rows, distances }: Neighbours): FuzzyGraph {
  const n = rows.length / k
  const weights = new Float32Array(rows.length)
  for (let row = 0; row < n; row++) {
    const range = [row * k, (row + 1) * k] as const
    weigh(distances.subarray(...range), weights.subarray(...range), k + 1)
  }
  const from: number[] = []
  const to: number[] = []
  const joined: number[] = []
  for (let row = 0, at = 0; row < n; row++)
    for (let i = 0; i < k; i++, at++) {
      const other = rows[at]!
      const back = placeOf(rows, other * k, k, row)
      // A pair that names each other is added once, by its lower row.
      if (back >= 0 && other < row) continue
      const [one, two] = [weights[at]!, back >= 0 ? weights[back]! : 0]
      const weight = one + two - one * two
      if (weight <= 0) continue
      from.push(row, other)
      to.push(other, row)
      joined.push(weight, weight)
    }
  return { from: Int32Array.from(from), to: Int32Array.from(to), weight: Float32Array.from(joined) }
}

/** @param size of the neighbourhood with the row itself, as in umap-learn */
function weigh(distances: Float32Array, weights: Float32Array, size: number): void {
  const target = Math.log2(size)
  const nearest = distances.find(distance => distance > 0) ?? 0
  let low = 0
  let high = Number.POSITIVE_INFINITY
  let width = 1
  for (let step = 0; step < SEARCH_STEPS; step++) {
    let sum = 0
    for (const distance of distances) sum += distance > nearest ? Math.exp((nearest - distance) / width) : 1
    if (Math.abs(sum - target) < CLOSE_ENOUGH) break
    if (sum > target) high = width
    else low = width
    width = high === Number.POSITIVE_INFINITY ? width * 2 : (low + high) / 2
  }
  const mean = distances.reduce((sum, distance) => sum + distance, 0) / distances.length
  width = Math.max(width, LEAST_WIDTH * mean)
  for (const [i, distance] of distances.entries())
    weights[i] = distance > nearest ? Math.exp((nearest - distance) / width) : 1
}

function placeOf(rows: Int32Array, start: number, k: number, wanted: number): number {
  for (let at = start; at < start + k; at++) if (rows[at] === wanted) return at
  return -1
}
