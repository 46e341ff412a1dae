import { useEffect, useState } from 'preact/hooks'
import { type SearchState, searched, searchPath } from './search-state.js'

/** How long the least relevance must rest: a slider moves through many. */
const REST_MS = 300

/** What histograms, the map and the words are of: the hits of a state that are relevant enough, in any order. */
export function useCounted(state: SearchState): SearchState {
  const key = searchPath(searched(state))
  const [rested, setRested] = useState({ key, cut: state.cut })
  const cut = rested.key === key ? rested.cut : state.cut
  useEffect(() => {
    if (rested.key === key && rested.cut === state.cut) return
    const timer = setTimeout(() => setRested({ key, cut: state.cut }), REST_MS)
    return () => clearTimeout(timer)
  }, [rested, key, state.cut])
  return { ...searched(state), order: 'relevance', cut }
}
