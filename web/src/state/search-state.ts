import { FILTER_NAMES, type FilterName, type Filters } from './filters.js'

export type Order = 'relevance' | 'newest' | 'oldest'

/** What one page of results shows. The address of the page holds all of it. */
export interface SearchState {
  words: string
  /** Further words to go towards, and away from. */
  plus: readonly string[]
  minus: readonly string[]
  /** Ids of photos to go towards, and away from. */
  like: readonly string[]
  unlike: readonly string[]
  /** Pictures to go towards, as texts of their vectors (vector-text.ts). */
  pictures: readonly string[]
  filters: Filters
  order: Order
  /** Whether only photos are found that show what the words say. */
  relevant: boolean
  /** Least score of a hit; null: none. */
  cut: number | null
  showsScores: boolean
  /** Whether near duplicates are shown beside the photos that stand for them. */
  showsDuplicates: boolean
  /** Ids of photos whose near duplicates are shown. */
  opened: readonly string[]
  /** Whether the map and the dates of the photos are shown. */
  showsMap: boolean
  /** Whether the filters are shown beside the photos. */
  showsFilters: boolean
}

export const EMPTY: SearchState = {
  words: '',
  plus: [],
  minus: [],
  like: [],
  unlike: [],
  pictures: [],
  filters: {},
  order: 'relevance',
  relevant: false,
  cut: null,
  showsScores: false,
  showsDuplicates: false,
  opened: [],
  showsMap: false,
  showsFilters: false,
}

const LISTS = { plus: 'plus', minus: 'minus', like: 'like', unlike: 'unlike', pictures: 'pic' } as const
const MOST = 20

/** Reads the parameters of an address. What it does not understand it leaves out. */
export function parseState(parameters: URLSearchParams): SearchState {
  const list = (name: string) =>
    [...new Set(parameters.getAll(name).filter(value => value.trim() !== ''))].slice(0, MOST)
  const filters = Object.fromEntries(
    FILTER_NAMES.map(name => [name, list(name)] as const).filter(([, values]) => values.length > 0),
  ) as Filters
  const order = parameters.get('sort')
  const cut = Number(parameters.get('cut') ?? Number.NaN)
  return {
    words: (parameters.get('q') ?? '').trim(),
    plus: list(LISTS.plus),
    minus: list(LISTS.minus),
    like: list(LISTS.like),
    unlike: list(LISTS.unlike),
    pictures: list(LISTS.pictures),
    filters,
    order: order === 'newest' || order === 'oldest' ? order : 'relevance',
    relevant: parameters.get('relevant') === '1',
    cut: Number.isFinite(cut) && Math.abs(cut) <= 1 ? cut : null,
    showsScores: parameters.get('scores') === '1',
    showsDuplicates: parameters.get('all') === '1',
    opened: list('open'),
    showsMap: parameters.get('map') === '1',
    showsFilters: parameters.get('filters') === '1',
  }
}

/** The address of a state: equal states have equal addresses. */
export function searchPath(state: SearchState): string {
  const parameters = new URLSearchParams()
  if (state.words !== '') parameters.set('q', state.words)
  for (const [key, name] of Object.entries(LISTS) as [keyof typeof LISTS, string][])
    for (const value of state[key]) parameters.append(name, value)
  for (const name of FILTER_NAMES) for (const value of state.filters[name] ?? []) parameters.append(name, value)
  if (state.order !== 'relevance') parameters.set('sort', state.order)
  if (state.relevant) parameters.set('relevant', '1')
  if (state.cut !== null) parameters.set('cut', String(state.cut))
  if (state.showsScores) parameters.set('scores', '1')
  if (state.showsDuplicates) parameters.set('all', '1')
  for (const id of state.opened) parameters.append('open', id)
  if (state.showsMap) parameters.set('map', '1')
  if (state.showsFilters) parameters.set('filters', '1')
  const text = parameters.toString()
  return text === '' ? '/search' : `/search?${text}`
}

/** The state as far as it decides which photos are found, and in which order. */
export function searched(state: SearchState): SearchState {
  const hidden = { showsScores: false, showsDuplicates: false, showsMap: false, showsFilters: false }
  return { ...state, cut: null, opened: [], ...hidden }
}

/** Whether there is anything to search for; without it, the page shows photos by their date. */
export function hasSubject({ words, plus, minus, like, unlike, pictures }: SearchState): boolean {
  return words !== '' || [plus, minus, like, unlike, pictures].some(list => list.length > 0)
}

/** Whether there are words that photos can show. */
export function hasWords({ words, plus }: SearchState): boolean {
  return words !== '' || plus.length > 0
}

/** With a value of a filter added or, if it is there, taken away. */
export function toggled(state: SearchState, name: FilterName, value: string, isMany: boolean): SearchState {
  const values = state.filters[name] ?? []
  const rest = values.filter(it => it !== value)
  return withoutFilter(state, name, rest.length < values.length ? rest : isMany ? [...values, value] : [value])
}

/** With no value of a filter, or with these instead. */
export function withoutFilter(state: SearchState, name: FilterName, instead: readonly string[] = []): SearchState {
  const { [name]: _, ...others } = state.filters
  return { ...state, opened: [], filters: instead.length > 0 ? { ...others, [name]: instead } : others }
}

type ListName = keyof typeof LISTS
const OPPOSITE: Partial<Record<ListName, ListName>> = { plus: 'minus', minus: 'plus', like: 'unlike', unlike: 'like' }

/** With an entry in one of the lists, and no longer in the opposite one. */
export function added(state: SearchState, name: ListName, value: string): SearchState {
  const opposite = OPPOSITE[name]
  const cleaned = opposite ? removed(state, opposite, value) : state
  const values = cleaned[name].includes(value) ? cleaned[name] : [...cleaned[name], value]
  return { ...cleaned, cut: null, opened: [], [name]: values }
}

export function removed(state: SearchState, name: ListName, value: string): SearchState {
  return { ...state, cut: null, opened: [], [name]: state[name].filter(it => it !== value) }
}

/** With the near duplicates of a photo shown or, if they are, hidden. */
export function withOpened(state: SearchState, id: string): SearchState {
  const rest = state.opened.filter(it => it !== id)
  return { ...state, opened: rest.length < state.opened.length ? rest : [...rest, id] }
}
