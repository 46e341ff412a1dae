import { type FilterName, kindOf } from '../../state/filters.js'
import { hasSubject, type SearchState } from '../../state/search-state.js'

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

/** What is said below all photos that show the words of a search. @param count photos, near duplicates included */
export function restText(count: number): string {
  return `${count.toLocaleString('en')} ${count === 1 ? 'photo shows' : 'photos show'} this; the rest does not.`
}

/**
 * In which order the photos of a search come, to follow their number. A search leaves out no photo: it puts all of them in
 * an order. Of those, the most relevant ones are sorted by date.
 * @param leavesOut whether less relevant photos were left out before the rest was sorted by date
 */
export function orderText(state: SearchState, leavesOut: boolean): string {
  if (!hasSubject(state)) return ''
  if (state.order === 'relevance') return state.cut === null ? ' by relevance' : ''
  return `, ${leavesOut ? 'the most relevant ones, ' : ''}${state.order} first`
}

/**
 * @param hidden near duplicates, which are counted too
 * @param isComplete whether no more photos follow
 * @param order in which order they come; empty: it is plain
 */
export function countText(count: number, hidden: number, isComplete: boolean, order = ''): string {
  const photos = count + hidden === 1 ? 'photo' : 'photos'
  const all = `${(count + hidden).toLocaleString('en')}${isComplete ? '' : '+'} ${photos}${order}`
  if (hidden === 0) return all
  return `${all}, ${hidden.toLocaleString('en')} near ${hidden === 1 ? 'duplicate' : 'duplicates'} hidden`
}
