import type { VectorRepository, VectorSelection } from '../../domain/ports/vectors/vector-repository.js'
import { reservoir } from './reservoir.js'

/** Candidates in memory: 205 MB with 512 numbers each. More photos are sampled at random first. */
export const MOST_CANDIDATES = 100_000
const PAGE_SIZE = 5000
/** Chosen photos between two looks at the signal, and at other work of this process. */
const BREATH = 16

export interface DiverseOptions {
  /** Photos to choose. */
  count: number
  /** Of the random sample. */
  seed: number
  candidates?: number
  onProgress?: (chosen: number, count: number) => void
  signal: AbortSignal
}

/**
 * A diverse subset by farthest point sampling (Gonzalez 1985, https://doi.org/10.1016/0304-3975(85)90224-5): it begins with
 * the photo nearest to the mean, then takes the photo that is least similar to those it has, again and again. No photo is
 * then farther from the subset than twice the least possible distance. Of equally distant photos the earlier one in the sample is taken.
 * @returns ids in the order in which they were chosen; all photos where there are fewer
 */
export async function diversePhotos(
  repository: VectorRepository,
  selection: VectorSelection,
  { count, seed, candidates = MOST_CANDIDATES, onProgress, signal }: DiverseOptions,
): Promise<string[]> {
  const { ids, vectors, dimension } = await reservoir(
    repository.read(selection, { pageSize: PAGE_SIZE, signal }),
    Math.max(candidates, count),
    seed,
  )
  const chosen: number[] = []
  /** Largest similarity of each photo to a chosen one; 2: it is chosen itself. */
  const nearest = new Float32Array(ids.length).fill(-2)
  let next = nearestToMean(vectors, ids.length, dimension)
  while (chosen.length < Math.min(count, ids.length)) {
    chosen.push(next)
    nearest[next] = 2
    next = farthest(vectors, dimension, next, nearest)
    if (chosen.length % BREATH === 0) {
      onProgress?.(chosen.length, count)
      await new Promise(resolve => setImmediate(resolve))
      signal.throwIfAborted()
    }
  }
  return chosen.map(index => ids[index]!)
}

/** Takes a newly chosen photo into account. @returns the photo that is least similar to the chosen ones */
function farthest(vectors: Float32Array, dimension: number, chosen: number, nearest: Float32Array): number {
  const own = vectors.subarray(chosen * dimension, (chosen + 1) * dimension)
  let least = 0
  for (let i = 0; i < nearest.length; i++) {
    const known = nearest[i]!
    if (known !== 2) {
      const similarity = dotAt(vectors, i * dimension, own)
      if (similarity > known) nearest[i] = similarity
    }
    if (nearest[i]! < nearest[least]!) least = i
  }
  return least
}

function nearestToMean(vectors: Float32Array, rows: number, dimension: number): number {
  const mean = new Float32Array(dimension)
  for (let i = 0; i < rows * dimension; i++) mean[i % dimension]! += vectors[i]! / rows
  let best = 0
  let most = Number.NEGATIVE_INFINITY
  for (let i = 0; i < rows; i++) {
    const similarity = dotAt(vectors, i * dimension, mean)
    if (similarity > most) [best, most] = [i, similarity]
  }
  return best
}

/** Four sums at once: a processor adds to them in parallel. */
function dotAt(vectors: Float32Array, start: number, other: Float32Array): number {
  const { length } = other
  let [a, b, c, d] = [0, 0, 0, 0]
  let i = 0
  for (; i + 4 <= length; i += 4) {
    a += vectors[start + i]! * other[i]!
    b += vectors[start + i + 1]! * other[i + 1]!
    c += vectors[start + i + 2]! * other[i + 2]!
    d += vectors[start + i + 3]! * other[i + 3]!
  }
  for (; i < length; i++) a += vectors[start + i]! * other[i]!
  return a + b + c + d
}
