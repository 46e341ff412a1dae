import { type Matrix, pickRows, squaredNorms } from '../matrix/matrix.js'
import type { Products } from '../matrix/products.js'

/**
 * First centres of k-means by greedy k-means++ (Arthur and Vassilvitskii 2007): each next centre is a row drawn with a
 * probability proportional to its squared distance from the centres so far. Of 2 + ln k drawn rows the one that lowers the
 * sum of these distances most is taken, as scikit-learn does it.
 * @param norms squared norms of the rows
 * @returns [k, d]: copies of rows
 */
export async function seedCentres(
  products: Products,
  data: Matrix,
  norms: Float64Array,
  k: number,
  random: () => number,
  signal?: AbortSignal,
): Promise<Matrix> {
  const { rows } = data
  const trials = 2 + Math.floor(Math.log(k))
  const chosen = [Math.min(rows - 1, Math.floor(random() * rows))]
  let nearest: Float64Array = new Float64Array(rows).fill(Number.POSITIVE_INFINITY)
  nearest = (await lowered(products, data, norms, chosen, nearest, signal)).distances
  while (chosen.length < k) {
    const candidates = drawByWeight(nearest, trials, random)
    const best = await lowered(products, data, norms, candidates, nearest, signal)
    nearest = best.distances
    chosen.push(best.row)
  }
  return pickRows(data, chosen)
}

/** Of candidate rows, the one with which the least squared distances of all rows have the smallest sum. */
async function lowered(
  products: Products,
  data: Matrix,
  norms: Float64Array,
  candidates: readonly number[],
  nearest: Float64Array,
  signal?: AbortSignal,
): Promise<{ row: number; distances: Float64Array }> {
  const centres = pickRows(data, candidates)
  const ofCentres = squaredNorms(centres)
  const each = candidates.map(() => ({ sum: 0, distances: new Float64Array(data.rows) }))
  await products.byRows(
    data,
    centres,
    ({ rows, values }, first) => {
      for (const [c, candidate] of each.entries())
        for (let i = 0, at = c; i < rows; i++, at += candidates.length) {
          const row = first + i
          const squared = Math.max(0, norms[row]! + ofCentres[c]! - 2 * values[at]!)
          const least = Math.min(squared, nearest[row]!)
          candidate.distances[row] = least
          candidate.sum += least
        }
    },
    { signal },
  )
  const best = each.reduce((least, candidate, c) => (candidate.sum < each[least]!.sum ? c : least), 0)
  return { row: candidates[best]!, distances: each[best]!.distances }
}

/** Draws indices with probabilities proportional to weights; evenly, where all weights are 0. */
function drawByWeight(weights: Float64Array, count: number, random: () => number): number[] {
  let total = 0
  for (const weight of weights) total += weight
  if (total === 0) return Array.from({ length: count }, () => Math.floor(random() * weights.length))
  const places = Array.from({ length: count }, () => random() * total).sort((a, b) => a - b)
  const drawn: number[] = []
  for (let i = 0, sum = 0; drawn.length < count; i++) {
    sum += weights[i] ?? 0
    const isLast = i >= weights.length - 1
    while (drawn.length < count && (sum > places[drawn.length]! || isLast)) drawn.push(Math.min(i, weights.length - 1))
  }
  return drawn
}
