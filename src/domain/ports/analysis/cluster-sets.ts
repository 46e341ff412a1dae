import type { Clustering } from '../../labels.js'
import type { ModelId } from '../repository.js'

/** Clusters as a label set: a photo belongs to one of them. */
export interface ClusterSet {
  name: string
  /** Names of the clusters, all different. */
  labels: readonly string[]
  clustering: Clustering
}

/** Some photos, n of them, with their cluster. The index is the same in all lists. */
export interface ClusterRows {
  ids: readonly string[]
  /** Position of the cluster among the labels of the set. [n] */
  labels: ArrayLike<number>
  /** How well the photo fits each cluster of the set. [n, labels] */
  scores: Float32Array
}

/** Stores clusters and what names them. */
export interface ClusterRepository {
  /**
   * Stores clusters in place of earlier ones of the same name, in one transaction: readers see those until the end, and an
   * interruption leaves them. Photos that were removed meanwhile are left out.
   * @param rows is read again, should the transaction be repeated
   * @returns photos stored
   * @throws AppError USAGE for a label set of that name that has no clusters
   */
  save(
    modelId: ModelId,
    set: ClusterSet,
    rows: () => AsyncIterable<ClusterRows> | Iterable<ClusterRows>,
  ): Promise<number>
  /** Stored prompts that are nearest to a direction, [dimension], nearest first. */
  nearestPrompts(modelId: ModelId, direction: Float32Array, count: number): Promise<string[]>
}
