import createClient from 'openapi-fetch'
import { ApiError, NetworkError } from './errors.js'
import type { Problem, paths } from './schema.js'

// The header shows that no form of another page sends what changes something.
const client = createClient<paths>({ baseUrl: location.origin, headers: { 'x-requested-with': 'page' } })

/** The API, typed by docs/openapi.json. */
export const { GET: get, POST: post, PUT: put, DELETE: remove } = client

let tellKeyRequired = () => {}

/** @param listener called when the server wants a key: there is no session, or it has ended */
export function whenKeyRequired(listener: () => void): void {
  tellKeyRequired = listener
}

/**
 * The body of an answer.
 * @throws ApiError for a problem that the server names, NetworkError when it is not reached; what an abort threw stays
 */
export async function answered<T>(request: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  try {
    const { data, error, response } = await request
    if (error === undefined && response.ok) return data as T
    const problem = new ApiError(response.status, (error ?? {}) as Partial<Problem>)
    if (problem.code === 'KEY_REQUIRED') tellKeyRequired()
    throw problem
  } catch (cause) {
    throw cause instanceof TypeError ? new NetworkError(cause) : cause
  }
}
