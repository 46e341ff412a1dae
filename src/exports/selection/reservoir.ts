import { createRandom } from '../../demo-scenes/random.js'
import type { VectorPage } from '../../domain/ports/vectors/vector-repository.js'

/** Photos in memory with their vectors. */
export interface VectorTable {
  ids: string[]
  /** [ids.length, dimension] */
  vectors: Float32Array
  dimension: number
}

/**
 * A random sample of a stream, each photo with equal probability (algorithm R, Vitter 1985); all photos, in their order,
 * where there are no more than `size`.
 */
export async function reservoir(pages: AsyncIterable<VectorPage>, size: number, seed: number): Promise<VectorTable> {
  const random = createRandom(seed)
  const ids: string[] = []
  let vectors = new Float32Array()
  let seen = 0
  let dimension = 0
  for await (const page of pages) {
    dimension = page.dimension
    // Memory that is not written to is not used.
    if (vectors.length === 0) vectors = new Float32Array(size * dimension)
    for (const [i, id] of page.ids.entries()) {
      const place = seen < size ? seen : random.integer(0, seen)
      seen++
      if (place >= size) continue
      ids[place] = id
      vectors.set(page.vectors.subarray(i * dimension, (i + 1) * dimension), place * dimension)
    }
  }
  return { ids, vectors: vectors.subarray(0, ids.length * dimension), dimension }
}
