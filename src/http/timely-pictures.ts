import { RequestError } from '../domain/errors.js'
import { anySignal } from '../domain/signals/any-signal.js'
import type { HttpParts } from './parts.js'

type FetchPicture = HttpParts['fetchPicture']

/**
 * Fetches pictures for people who wait: within some seconds, in which waiting for a turn of the host counts.
 * @throws RequestError PICTURE_TIMEOUT
 */
export function timely(fetchPicture: FetchPicture, timeoutMs: number): FetchPicture {
  return async (url, signal) => {
    const late = AbortSignal.timeout(timeoutMs)
    const either = anySignal([signal, late])
    try {
      return await fetchPicture(url, either)
    } catch (error) {
      if (!late.aborted || signal.aborted) throw error
      throw new RequestError('PICTURE_TIMEOUT', `The picture did not come within ${timeoutMs / 1000} s.`, {
        field: 'body.picture_url',
        found: url,
        action: 'Send the picture itself, or try again later.',
      })
    } finally {
      either.clear()
    }
  }
}
