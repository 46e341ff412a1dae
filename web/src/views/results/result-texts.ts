import { type FilterName, kindOf } from '../../state/filters.js'
import type { SearchState } from '../../state/search-state.js'

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

/**
 * @param hidden near duplicates, which are counted too
 * @param isComplete whether no more photos follow
 */
export function countText(count: number, hidden: number, isComplete: boolean): string {
  const photos = count + hidden === 1 ? 'photo' : 'photos'
  const all = `${(count + hidden).toLocaleString('en')}${isComplete ? '' : '+'} ${photos}`
  if (hidden === 0) return all
  return `${all}, ${hidden.toLocaleString('en')} near ${hidden === 1 ? 'duplicate' : 'duplicates'} hidden`
}
