import type { DuplicatePair } from '../domain/ports/duplicates.js'

/** A photo of a list that looks the same as an earlier one. */
export interface Duplicate {
  photoId: string
  /** The photo that stands for it, which is no duplicate itself. */
  of: string
  score: number
}

/**
 * The duplicates of a list. Each photo is compared with those before it that stand for themselves, the known ones first, and
 * belongs to the first that is similar enough. So a chain of similar photos does not become one group.
 * @param knownIds photos before the list, in their order, without duplicates
 */
export function collapsed(
  photoIds: readonly string[],
  knownIds: readonly string[],
  pairs: readonly DuplicatePair[],
): Duplicate[] {
  const scores = new Map<string, Map<string, number>>()
  const add = (a: string, b: string, score: number) => {
    if (!scores.has(a)) scores.set(a, new Map())
    scores.get(a)!.set(b, score)
  }
  for (const { photoId, otherId, score } of pairs) {
    add(photoId, otherId, score)
    add(otherId, photoId, score)
  }
  const shown = new Set(knownIds)
  const duplicates: Duplicate[] = []
  for (const photoId of photoIds) {
    if (shown.has(photoId)) continue
    const like = scores.get(photoId)
    const of = like && [...shown].find(id => like.has(id))
    if (like && of !== undefined) duplicates.push({ photoId, of, score: like.get(of)! })
    else shown.add(photoId)
  }
  return duplicates
}
