import { conditionParameters, searchRequest } from '../state/search-query.js'
import type { SearchState } from '../state/search-state.js'
import { answered, get, post } from './client.js'
import type { Found } from './found.js'
import type { PhotoDetails } from './schema.js'

export type { Found } from './found.js'

export interface Page {
  photos: Found[]
  next: string | null
}

/** Photos by their date. */
export async function browse(
  state: SearchState,
  { k, cursor, signal }: { k: number; cursor?: string; signal?: AbortSignal },
): Promise<Page> {
  const order = state.order === 'oldest' ? 'oldest' : 'newest'
  const query = { ...conditionParameters(state), order, k, ...(cursor === undefined ? {} : { cursor }) } as const
  return answered(get('/api/v1/photos', { params: { query }, signal: signal ?? null }))
}

/** Photos by their similarity to what the state searches for. */
export async function search(
  state: SearchState,
  { k, cursor, signal }: { k: number; cursor?: string; signal?: AbortSignal },
): Promise<Page> {
  const body = { ...searchRequest(state), k, ...(cursor === undefined ? {} : { cursor }) }
  const { hits, next } = await answered(post('/api/v1/search', { body, signal: signal ?? null }))
  return { photos: hits, next }
}

export function photoDetails(id: string): Promise<PhotoDetails> {
  return answered(get('/api/v1/photos/{id}', { params: { path: { id } } }))
}

/** Photos like a photo. */
export async function similar(id: string, k: number): Promise<Found[]> {
  const found = await answered(get('/api/v1/photos/{id}/similar', { params: { path: { id }, query: { k } } }))
  return found.hits
}
