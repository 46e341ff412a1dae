import type { Matrix } from '../matrix/matrix.js'
import type { Products } from '../matrix/products.js'
import { type KMeansOptions, type KMeansResult, kMeans } from './k-means.js'
import { silhouettes } from './silhouette.js'

export interface Candidate extends KMeansResult {
  k: number
  /** Mean silhouette, in [-1, 1]. */
  silhouette: number
}

/**
 * k-means for each k of a list, with inertia and silhouette.
 * @param onStart called before each k
 * @returns in the order of the list
 */
export async function compareK(
  products: Products,
  data: Matrix,
  ks: readonly number[],
  options: Omit<KMeansOptions, 'k'>,
  onStart?: (k: number) => void,
): Promise<Candidate[]> {
  const results: KMeansResult[] = []
  for (const k of ks) {
    onStart?.(k)
    results.push(await kMeans(products, data, { ...options, k }))
  }
  const assignments = results.map(({ assignment }) => assignment)
  const scores = await silhouettes(products, data, assignments, options)
  return results.map((result, i) => ({ ...result, k: ks[i]!, silhouette: scores[i]! }))
}

/** The candidate with the best silhouette; of equal ones that with the fewest clusters. */
export function bestOf(candidates: readonly Candidate[]): Candidate {
  return candidates.reduce((best, each) => (each.silhouette > best.silhouette ? each : best))
}
