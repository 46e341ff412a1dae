import type { HdbscanRequest, KMeansRequest } from '../../analysis/clusters/find-clusters.js'
import type { PhotoVectors } from '../../analysis/load-vectors.js'
import { type Matrix, matrix } from '../../analysis/matrix/matrix.js'
import { AppError } from '../../domain/errors.js'
import type { ProjectionPoints } from '../../domain/ports/analysis/projections.js'
import type { ClusterOptions } from './cluster-options.js'

const DEFAULT_K = [8]
const AUTO = { first: 2, last: 20 }
const STARTS = 10
const MIN_SIZE = 10
const COMPONENTS = 50

/** @throws AppError USAGE for an option of the other method */
export function checkMethodOptions(options: ClusterOptions): void {
  const { method, k, starts, minSize, components, projection } = options
  const ofOther =
    method === 'kmeans'
      ? { '--min-size': minSize, '--components': components, '--projection': projection }
      : { '--k': k, '--starts': starts }
  for (const [option, value] of Object.entries(ofOther))
    if (value !== undefined)
      throw new AppError(
        'USAGE',
        `${option} does not go with --method ${method}; leave it out, or name the other method`,
      )
  if (components !== undefined && projection !== undefined)
    throw new AppError('USAGE', 'Expected --components or --projection, found both')
}

/**
 * What the options ask for.
 * @throws AppError USAGE for more clusters than photos, or a projection that lacks photos; NOT_FOUND for an unknown one
 */
export async function clusterRequest(
  options: ClusterOptions,
  photos: PhotoVectors,
  pointsOf: (projection: string) => Promise<ProjectionPoints>,
): Promise<KMeansRequest | HdbscanRequest> {
  const {
    method,
    k = DEFAULT_K,
    starts = STARTS,
    minSize = MIN_SIZE,
    components = COMPONENTS,
    projection,
    seed,
  } = options
  const count = photos.ids.length
  if (method === 'hdbscan') {
    const on = projection
      ? { projection, points: pointsInOrder(projection, photos.ids, await pointsOf(projection)) }
      : { components }
    return { method, minClusterSize: minSize, seed, on }
  }
  const auto = Array.from({ length: AUTO.last - AUTO.first + 1 }, (_, i) => AUTO.first + i)
  // As many clusters as photos have no silhouette.
  const ks = k === 'auto' ? auto.filter(each => each < count) : k
  if (ks.at(-1)! >= count)
    throw new AppError('USAGE', `--k expects fewer clusters than the ${count} photos, found ${ks.at(-1)}`)
  return { method, ks, starts, seed }
}

function pointsInOrder(name: string, ids: readonly string[], { ids: known, points }: ProjectionPoints): Matrix {
  const placeOf = new Map(known.map((id, place) => [id, place]))
  const ordered = matrix(ids.length, 2)
  const missing = ids.filter((id, i) => {
    const place = placeOf.get(id)
    if (place !== undefined) ordered.values.set(points.subarray(2 * place, 2 * place + 2), 2 * i)
    return place === undefined
  })
  if (missing.length === 0) return ordered
  throw new AppError(
    'USAGE',
    `The projection ${name} lacks ${missing.length} of the ${ids.length} photos, such as ${missing[0]}. Make it again: unsplash-clip analyze project --save ${name}`,
  )
}
