import type { Found } from '../api/found.js'
import type { Order, SearchState } from './search-state.js'

/** What is shown of the photos of a list. */
export interface ShownPhotos {
  photos: readonly Found[]
  /** Whether no more photos follow. */
  isComplete: boolean
  /** Near duplicates by the photo that stands for them, those that are hidden or opened. */
  duplicates: ReadonlyMap<string, readonly Found[]>
  /** How many photos are hidden, because they are near duplicates of others. */
  hidden: number
}

type Choice = Pick<SearchState, 'cut' | 'order' | 'showsDuplicates' | 'opened'>

/**
 * Leaves out what is too weak, and near duplicates, unless they are asked for.
 * @param duplicateOf the photo that stands for a near duplicate
 */
export function shownPhotos(
  all: readonly Found[],
  duplicateOf: ReadonlyMap<string, string>,
  { cut, order, showsDuplicates, opened }: Choice,
  isEnd: boolean,
): ShownPhotos {
  const { photos: kept, isComplete } = withoutWeak(all, cut, isEnd, order)
  if (showsDuplicates || duplicateOf.size === 0) return { photos: kept, isComplete, duplicates: new Map(), hidden: 0 }
  const present = new Set(kept.map(({ photo_id }) => photo_id))
  const duplicates = new Map<string, Found[]>()
  const standing = kept.filter(photo => {
    const of = duplicateOf.get(photo.photo_id)
    if (of === undefined || !present.has(of)) return true
    duplicates.set(of, [...(duplicates.get(of) ?? []), photo])
    return false
  })
  const open = new Set(opened)
  const photos = standing.flatMap(photo =>
    open.has(photo.photo_id) ? [photo, ...(duplicates.get(photo.photo_id) ?? [])] : [photo],
  )
  return { photos, isComplete, duplicates, hidden: kept.length - photos.length }
}

/** Hits in a row below the cut after which, in a corrected order, none above it is expected. */
const WEAK_IN_A_ROW = 60

/**
 * Leaves out the hits that score less than the cut. By relevance they all come last, so then none follows; in a corrected
 * order a few may come between stronger ones.
 */
export function withoutWeak(
  photos: readonly Found[],
  cut: number | null,
  isEnd: boolean,
  order: Order,
): { photos: readonly Found[]; isComplete: boolean } {
  if (cut === null) return { photos, isComplete: isEnd }
  const isStrong = ({ score }: Found) => score === undefined || score >= cut
  const kept = photos.filter(isStrong)
  const last = photos.slice(-WEAK_IN_A_ROW)
  const isPast = isCorrected(photos)
    ? last.length === WEAK_IN_A_ROW && !last.some(isStrong)
    : kept.length < photos.length
  return { photos: kept, isComplete: isEnd || (order === 'relevance' && isPast) }
}

/** Whether the order of the hits is corrected for photos that come up in every search. */
export const isCorrected = (photos: readonly Found[]): boolean => typeof photos[0]?.correction === 'number'
