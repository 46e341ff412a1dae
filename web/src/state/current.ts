import { computed, signal } from '@preact/signals'
import { navigate, place } from '../app/navigation.js'
import { EMPTY, parseState, type SearchState, searchPath } from './search-state.js'

/** What the address searches for; empty in views that search for nothing. */
export const current = computed<SearchState>(() =>
  place.value.path === '/search' ? parseState(place.value.parameters) : EMPTY,
)

/** Shows another state of the results. @param replace whether going back should skip the present one */
export function show(state: SearchState, replace = false): void {
  navigate(searchPath(state), { replace })
}

/** What screen readers are told. */
export const announcement = signal('')

export function announce(text: string): void {
  announcement.value = text
}
