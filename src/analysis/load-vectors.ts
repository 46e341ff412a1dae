import { AppError } from '../domain/errors.js'
import type { VectorRepository, VectorSelection } from '../domain/ports/vectors/vector-repository.js'
import { type Matrix, matrix } from './matrix/matrix.js'

/** Photos and their vectors, in the order of the ids. */
export interface PhotoVectors {
  ids: string[]
  /** [photos, dimension], unit length */
  vectors: Matrix
}

/** Photos per statement: a few MB. */
const PAGE_SIZE = 4000

/**
 * Reads the selected vectors into memory: 4 bytes per number, 205 MB for 100,000 vectors of 512 numbers.
 * @param least photos that the analysis needs
 * @param onProgress photos read so far, of all selected
 * @param remedy what to do about fewer
 * @throws AppError USAGE for fewer photos; FILTER_INVALID
 */
export async function loadVectors(
  vectors: VectorRepository,
  selection: VectorSelection,
  least: number,
  onProgress: (read: number, photos: number) => void,
  signal: AbortSignal,
  remedy = 'Loosen the conditions, or ingest more photos.',
): Promise<PhotoVectors> {
  const expected = await vectors.count(selection)
  const ids: string[] = []
  let values: Float32Array | undefined
  let dimension = 0
  for await (const page of vectors.read(selection, { pageSize: PAGE_SIZE, signal })) {
    dimension = page.dimension
    values ??= new Float32Array(expected * dimension)
    // Photos that came after the count are left out.
    const room = Math.min(page.ids.length, expected - ids.length)
    values.set(page.vectors.subarray(0, room * dimension), ids.length * dimension)
    for (let i = 0; i < room; i++) ids.push(page.ids[i]!)
    onProgress(ids.length, expected)
    if (ids.length === expected) break
  }
  if (ids.length < least || values === undefined)
    throw new AppError(
      'USAGE',
      `The analysis expects at least ${least} photos with a vector, found ${ids.length}. ${remedy}`,
    )
  return { ids, vectors: matrix(ids.length, dimension, values.subarray(0, ids.length * dimension)) }
}
