import type { Clustering } from '../../domain/labels.js'
import type { Matrix } from '../matrix/matrix.js'
import type { Products } from '../matrix/products.js'
import { pca, projectRows } from '../projection/pca.js'
import { bestOf, type Candidate, compareK } from './choose-k.js'
import { clusterByDensity } from './density/cluster-by-density.js'
import { silhouettes } from './silhouette.js'
import { type Clusters, sortedClusters } from './sorted-clusters.js'

export interface KMeansRequest {
  method: 'kmeans'
  ks: readonly number[]
  starts: number
  seed: number
}

export interface HdbscanRequest {
  method: 'hdbscan'
  minClusterSize: number
  seed: number
  /** Principal components to work on, or the rows of a projection, [n, 2]. */
  on: { components: number } | { projection: string; points: Matrix }
}

export interface FoundClusters extends Clusters {
  /** Per k that was tried. */
  tried: Pick<Candidate, 'k' | 'inertia' | 'silhouette'>[]
  /** HDBSCAN: how firmly each photo belongs to its cluster, in [0, 1], [n]. */
  membership: Float64Array | null
  clustering: Clustering
}

/**
 * Clusters vectors by k-means, or by HDBSCAN of a reduction.
 * @param onStep called with what begins
 */
export async function findClusters(
  products: Products,
  vectors: Matrix,
  request: KMeansRequest | HdbscanRequest,
  onStep: (step: string) => void,
  signal: AbortSignal,
): Promise<FoundClusters> {
  return request.method === 'kmeans'
    ? byKMeans(products, vectors, request, onStep, signal)
    : byHdbscan(products, vectors, request, onStep, signal)
}

async function byKMeans(
  products: Products,
  vectors: Matrix,
  { ks, starts, seed }: KMeansRequest,
  onStep: (step: string) => void,
  signal: AbortSignal,
): Promise<FoundClusters> {
  let tried = 0
  const onIteration = (start: number, iteration: number) =>
    onStep(`k = ${tried}, start ${start + 1} of ${starts}, iteration ${iteration}`)
  const onStart = (k: number) => {
    tried = k
  }
  const candidates = await compareK(products, vectors, ks, { starts, seed, signal, onIteration }, onStart)
  const { k, inertia, silhouette, assignment } = bestOf(candidates)
  return {
    ...sortedClusters(vectors, assignment, k),
    tried: candidates.map(each => ({ k: each.k, inertia: each.inertia, silhouette: each.silhouette })),
    membership: null,
    clustering: { method: 'kmeans', k, starts, seed, photos: vectors.rows, inertia, silhouette },
  }
}

async function byHdbscan(
  products: Products,
  vectors: Matrix,
  { minClusterSize, seed, on }: HdbscanRequest,
  onStep: (step: string) => void,
  signal: AbortSignal,
): Promise<FoundClusters> {
  onStep('reduction')
  const reduced = 'points' in on ? on.points : await reduce(products, vectors, on.components, signal)
  onStep('density')
  const found = await clusterByDensity(products, reduced, { minClusterSize, seed, signal })
  const { assignment, membership, clusters } = found
  const [silhouette] = clusters > 1 ? await silhouettes(products, vectors, [assignment], { seed, signal }) : []
  return {
    ...sortedClusters(vectors, assignment, clusters),
    tried: [],
    membership,
    clustering: {
      method: 'hdbscan',
      minSize: minClusterSize,
      ...('points' in on ? { projection: on.projection } : { components: reduced.columns }),
      ...{ seed, photos: vectors.rows, clusters },
      ...(silhouette === undefined ? {} : { silhouette }),
    },
  }
}

async function reduce(products: Products, vectors: Matrix, count: number, signal: AbortSignal): Promise<Matrix> {
  const components = Math.min(count, vectors.columns, vectors.rows - 1)
  return projectRows(products, vectors, await pca(products, vectors, components, signal), signal)
}
