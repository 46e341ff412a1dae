import type { Box } from '../components/map/map-view.js'
import { facetPlans } from '../state/facet-plan.js'
import { countRequest } from '../state/search-query.js'
import { type SearchState, withoutFilter } from '../state/search-state.js'
import { answered, post } from './client.js'
import type { Facet, PlaceCell, SharedWord } from './schema.js'

/** Photos nearest to what is searched for that histograms and the map count. */
const NEAREST = 1000
/** Hits whose words are read. */
const HITS = 100
const MOST_MONTHS = 1000

/** Histograms of the photos of a state; of the thousand nearest ones where something is searched for. No names: the usual facets. */
export async function facets(state: SearchState, by: readonly string[], top: number): Promise<Facet[]> {
  const body = { ...countRequest(state), n: NEAREST, top, ...(by.length > 0 ? { by: [...by] } : {}) }
  return (await answered(post('/api/v1/facets', { body }))).facets
}

/** Facets that narrow each other: each is counted under all conditions but its own. In the order of the names. */
export async function narrowingFacets(state: SearchState, by: readonly string[], top: number): Promise<Facet[]> {
  const plans = facetPlans(state, by)
  const counted = (await Promise.all(plans.map(plan => facets(plan.state, plan.names, top)))).flat()
  return by.flatMap(name => counted.find(facet => facet.name === name) ?? [])
}

/** Photos by month, whatever period is chosen: `YYYY-MM` with its photos, in their order. */
export async function months(state: SearchState): Promise<{ value: string; photos: number }[]> {
  const [facet] = await facets(withoutFilter(state, 'time'), ['month'], MOST_MONTHS)
  return facet?.values ?? []
}

/** Photos by place, whatever place is chosen. @param cell degrees @param box only photos inside; null: all */
export async function places(
  state: SearchState,
  cell: number,
  box: Box | null,
): Promise<{ cells: PlaceCell[]; placed: number }> {
  const request = countRequest(withoutFilter(state, 'near'))
  const body = { ...request, n: NEAREST, cell, ...(box ? { box } : {}) }
  return answered(post('/api/v1/places', { body }))
}

/** Words that describe the hits better than the collection. */
export async function sharedWords(state: SearchState, top: number): Promise<SharedWord[]> {
  return (await answered(post('/api/v1/shared-words', { body: { ...countRequest(state), n: HITS, top } }))).words
}
