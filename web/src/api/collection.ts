import { conditionParameters } from '../state/search-query.js'
import type { SearchState } from '../state/search-state.js'
import { answered, get } from './client.js'
import type { Facet } from './schema.js'

export interface Example {
  words: string
  photos: { photo_id: string; copy: string | null }[]
}

/** Searches that do have good hits here. */
export async function examples(): Promise<Example[]> {
  return (await answered(get('/api/v1/examples', {}))).examples
}

export async function labelSetNames(): Promise<string[]> {
  return (await answered(get('/api/v1/label-sets', {}))).label_sets.map(({ name }) => name)
}

/** The model that answers, with the number of its photos. */
export async function searchedModel(): Promise<{ name: string; photos: number; knowsWords: boolean }> {
  const [{ model, texts }, { models }] = await Promise.all([
    answered(get('/api/v1/models/searched', {})),
    answered(get('/api/v1/models', {})),
  ])
  return { name: model, photos: models.find(it => it.model === model)?.photos ?? 0, knowsWords: texts }
}

/** Histograms of the photos that fulfil the conditions; with words, of the thousand nearest ones. */
export async function facets(state: SearchState, by: string[], top: number, signal?: AbortSignal): Promise<Facet[]> {
  const isOnlyWords = [state.plus, state.minus, state.like, state.unlike, state.pictures].every(it => it.length === 0)
  const nearest = isOnlyWords && state.words !== '' ? { q: state.words, n: 1000 } : {}
  const cut = nearest.q === undefined || state.cut === null ? {} : { min_score: state.cut }
  const query = { ...conditionParameters(state), ...nearest, ...cut, by, top }
  return (await answered(get('/api/v1/facets', { params: { query }, signal: signal ?? null }))).facets
}
