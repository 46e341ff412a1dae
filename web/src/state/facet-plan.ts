import { FILTER_KINDS, kindOf } from './filters.js'
import { type SearchState, searchPath, withoutFilter } from './search-state.js'

export interface FacetPlan {
  /** The search whose photos the facets count. */
  state: SearchState
  names: string[]
}

/**
 * Facets that can be counted together. A facet whose values exclude each other is counted without those that are chosen of
 * it, so that it also shows what else could be chosen.
 * @param names facets of the API and label sets
 */
export function facetPlans(state: SearchState, names: readonly string[]): FacetPlan[] {
  const plans = new Map<string, FacetPlan>()
  for (const name of names) {
    const counted = stateOf(state, name)
    const key = searchPath(counted)
    const plan = plans.get(key) ?? { state: counted, names: [] }
    plan.names.push(name)
    plans.set(key, plan)
  }
  return [...plans.values()]
}

function stateOf(state: SearchState, facet: string): SearchState {
  const kind = FILTER_KINDS.find(it => it.facet === facet) ?? kindOf('label')
  if (kind.countsWithin) return state
  if (kind.name !== 'label') return withoutFilter(state, kind.name)
  const labels = (state.filters.label ?? []).filter(value => !value.startsWith(`${facet}=`))
  return withoutFilter(state, 'label', labels)
}
