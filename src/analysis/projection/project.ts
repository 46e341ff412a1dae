import type { Matrix } from '../matrix/matrix.js'
import type { Products } from '../matrix/products.js'
import { nearestNeighbours } from './neighbours.js'
import { pca, projectRows } from './pca.js'
import { fuzzyGraph } from './umap/fuzzy-graph.js'
import { layOut } from './umap/layout.js'

export type ProjectionMethod = 'pca' | 'umap'

export interface ProjectionOptions {
  method: ProjectionMethod
  /** Of each photo, for UMAP. */
  neighbours: number
  seed: number
  signal?: AbortSignal
  onProgress?: (what: string, done: number, total: number) => void
}

export interface ProjectedPoints {
  /** [n, 2] */
  points: Float32Array
  /** Of the first two components. */
  explained: number[]
  /** What the points depend on. */
  parameters: Record<string, number>
}

/** From here on neighbours are searched among the first components: the time of the search grows with n² d. */
const MANY_ROWS = 20_000
const SEARCH_COMPONENTS = 100
/** Half the width of the first layout. */
const FIRST_WIDTH = 10

/**
 * Places rows on a plane: by their first two principal components, or by UMAP (McInnes, Healy and Melville 2018), which
 * starts from these and keeps neighbours together.
 * @param data [n, d], n > neighbours
 */
export async function projectOntoPlane(
  products: Products,
  data: Matrix,
  { method, neighbours, seed, signal, onProgress }: ProjectionOptions,
): Promise<ProjectedPoints> {
  const reduces = method === 'umap' && data.rows > MANY_ROWS && data.columns > SEARCH_COMPONENTS
  const axes = await pca(products, data, reduces ? SEARCH_COMPONENTS : Math.min(2, data.columns), signal)
  const along = await projectRows(products, data, axes, signal)
  const flat = firstTwo(along)
  const explained = Array.from(axes.explained.subarray(0, 2))
  if (method === 'pca') return { points: flat, explained, parameters: {} }
  const searched = reduces ? along : data
  const onRows = (rows: number) => onProgress?.('neighbours', rows, data.rows)
  const nearest = await nearestNeighbours(searched, neighbours, { signal, onProgress: onRows })
  scaleTo(flat, FIRST_WIDTH)
  await layOut(flat, fuzzyGraph(nearest), {
    seed,
    signal,
    onEpoch: (epoch, epochs) => onProgress?.('layout', epoch, epochs),
  })
  const parameters = { neighbours, seed, ...(reduces ? { components: SEARCH_COMPONENTS } : {}) }
  return { points: flat, explained, parameters }
}

function firstTwo({ rows, columns, values }: Matrix): Float32Array {
  const points = new Float32Array(2 * rows)
  for (let i = 0; i < rows; i++) {
    points[2 * i] = values[i * columns]!
    points[2 * i + 1] = columns > 1 ? values[i * columns + 1]! : 0
  }
  return points
}

function scaleTo(points: Float32Array, width: number): void {
  const farthest = points.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  if (farthest > 0) for (let i = 0; i < points.length; i++) points[i]! *= width / farthest
}
