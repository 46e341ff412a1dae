import { dot } from '../../domain/similarity.js'

/** Number of neighbours and hits to compare. */
export const TOP = 10
/** Maximum vectors whose neighbours are looked up, evenly spread: each look-up reads all photos. */
const MOST_LOOKUPS = 1000

type Vectors = readonly Float32Array[]

/**
 * Embeds the same photos twice. @returns for each photo looked up, the share of its ten nearest photos that both lists
 * of embeddings agree on
 */
export function neighboursInCommon(a: Vectors, b: Vectors): number[] {
  const others = (vectors: Vectors, i: number) =>
    nearest(vectors, vectors[i]!, TOP + 1)
      .filter(found => found !== i)
      .slice(0, TOP)
  return lookedUp(a.length).map(i => overlap(others(a, i), others(b, i)))
}

/** The same for each text looked up, and its ten best photos. */
export function hitsInCommon(a: { texts: Vectors; photos: Vectors }, b: { texts: Vectors; photos: Vectors }): number[] {
  return lookedUp(a.texts.length).map(i =>
    overlap(nearest(a.photos, a.texts[i]!, TOP), nearest(b.photos, b.texts[i]!, TOP)),
  )
}

/** Returns the positions of the `count` vectors with the largest dot product, largest first; ties by position. */
export function nearest(vectors: Vectors, query: Float32Array, count: number): number[] {
  const scores = vectors.map(vector => dot(vector, query))
  return scores
    .map((_, i) => i)
    .sort((a, b) => scores[b]! - scores[a]! || a - b)
    .slice(0, count)
}

/** Returns at most 1,000 evenly spread positions below `length`. */
export function lookedUp(length: number): number[] {
  const step = Math.max(1, length / MOST_LOOKUPS)
  return Array.from({ length: Math.min(length, MOST_LOOKUPS) }, (_, i) => Math.floor(i * step))
}

export function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(part * (sorted.length - 1))]!
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function overlap(a: readonly number[], b: readonly number[]): number {
  const wanted = new Set(b)
  return wanted.size === 0 ? 1 : a.filter(i => wanted.has(i)).length / wanted.size
}
