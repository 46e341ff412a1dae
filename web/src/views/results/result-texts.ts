import type { Found } from '../../api/photos.js'
import { type FilterName, kindOf } from '../../state/filters.js'
import type { Order, SearchState } from '../../state/search-state.js'

/** What the results are called. */
export function titleOf({ words, plus, minus, like, unlike, pictures, filters }: SearchState): string {
  const towards = [
    ...(words === '' ? [] : [words]),
    ...plus,
    ...(like.length > 0 ? ['photos like these'] : []),
    ...(pictures.length > 0 ? ['photos like your picture'] : []),
  ]
  const away = [...minus, ...(unlike.length > 0 ? ['some photos'] : [])]
  const named = [...(towards.length > 0 ? [towards.join(' + ')] : []), ...away.map(text => `− ${text}`)]
  if (named.length > 0) return named.join(' ')
  const chosen = (Object.entries(filters) as [FilterName, readonly string[]][]).flatMap(([name, values]) =>
    values.map(value => kindOf(name).show?.(value) ?? value),
  )
  return chosen.length > 0 ? chosen.join(' · ') : 'All photos'
}

/** @param isComplete whether no more photos follow */
export function countText(count: number, isComplete: boolean): string {
  const photos = count === 1 ? 'photo' : 'photos'
  return `${count.toLocaleString('en')}${isComplete ? '' : '+'} ${photos}`
}

/** Leaves out the hits that score less than the cut. By relevance they all come last, so then none follows. */
export function withoutWeak(
  photos: readonly Found[],
  cut: number | null,
  isEnd: boolean,
  order: Order,
): { photos: readonly Found[]; isComplete: boolean } {
  if (cut === null) return { photos, isComplete: isEnd }
  const kept = photos.filter(({ score }) => score === undefined || score >= cut)
  return { photos: kept, isComplete: isEnd || (order === 'relevance' && kept.length < photos.length) }
}
