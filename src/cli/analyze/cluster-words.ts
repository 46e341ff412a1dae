import type { FoundClusters } from '../../analysis/clusters/find-clusters.js'
import type { PhotoVectors } from '../../analysis/load-vectors.js'
import { columnMeans } from '../../analysis/matrix/matrix.js'
import type { ClusterRepository } from '../../domain/ports/analysis/cluster-sets.js'
import type { PhotoSearch } from '../../search/photo-search.js'
import type { SearchModel } from '../../search/search-model.js'

interface Sources {
  search: PhotoSearch
  model: SearchModel
  clusters: Pick<ClusterRepository, 'nearestPrompts'>
}

/** Photos of a cluster whose words are read. */
const READ = 1000
/** Words per cluster. */
const WORDS = 6
/** How much larger the share of the photos with a word must be than that of the collection. */
const LEAST_LIFT = 1.5

/**
 * Words of each cluster: those that its photos have more often than the collection. Where they have none, the stored prompts
 * that are nearest to the way from the mean of all photos to that of the cluster.
 */
export async function clusterWords(
  { search, model, clusters }: Sources,
  { ids, vectors }: PhotoVectors,
  { assignment, centres }: FoundClusters,
  signal: AbortSignal,
): Promise<string[][]> {
  const members = Array.from({ length: centres.rows }, (): string[] => [])
  // Ids of photos are random, so the first ones are a sample.
  for (const [row, cluster] of assignment.entries())
    if (cluster >= 0 && members[cluster]!.length < READ) members[cluster]!.push(ids[row]!)
  const means = columnMeans(vectors)
  const all: string[][] = []
  for (const [cluster, photos] of members.entries()) {
    signal.throwIfAborted()
    const request = { where: [{ photos }], n: READ, top: WORDS }
    const shared = await search.counts.sharedWords(model, request, signal)
    const words = shared.filter(each => each.photos / each.hits >= LEAST_LIFT * each.shareOfAll)
    if (words.length > 0) {
      all.push(words.map(({ word }) => word))
      continue
    }
    const centre = centres.values.subarray(cluster * centres.columns, (cluster + 1) * centres.columns)
    const direction = centre.map((value, j) => value - means[j]!)
    all.push(direction.some(value => value !== 0) ? await clusters.nearestPrompts(model.id, direction, WORDS) : [])
  }
  return all
}
