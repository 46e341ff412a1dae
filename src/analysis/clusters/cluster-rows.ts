import type { ClusterRows } from '../../domain/ports/analysis/cluster-sets.js'
import type { PhotoVectors } from '../load-vectors.js'
import { rowsOf } from '../matrix/matrix.js'
import type { Products } from '../matrix/products.js'
import type { FoundClusters } from './find-clusters.js'

/** Photos per statement. */
const PAGE = 5000

/**
 * The photos with their cluster and scores, in pages: cosine similarity to the centre of each cluster, or of HDBSCAN the
 * membership in the own cluster. Photos of no cluster have the last label, which the set has only where there are such.
 */
export async function* clusterRows(
  products: Products,
  { ids, vectors }: PhotoVectors,
  { assignment, centres, membership }: FoundClusters,
): AsyncGenerator<ClusterRows> {
  const hasNone = assignment.includes(-1)
  const count = centres.rows + (hasNone ? 1 : 0)
  for (let first = 0; first < ids.length; first += PAGE) {
    const end = Math.min(ids.length, first + PAGE)
    const labels = assignment.slice(first, end).map(cluster => (cluster < 0 ? centres.rows : cluster))
    const scores = new Float32Array((end - first) * count)
    if (membership !== null)
      for (const [i, label] of labels.entries()) scores[i * count + label] = membership[first + i]!
    else scores.set((await products.ofRows(rowsOf(vectors, first, end), centres)).values)
    yield { ids: ids.slice(first, end), labels, scores }
  }
}
