import { MINUTE, SECOND } from '../domain/units.js'

/** Upper limit, so that a server cannot delay a batch for a day. */
export const MAX_RETRY_AFTER_MS = 5 * MINUTE

/**
 * Parses a `Retry-After` header (RFC 9110, section 10.2.3): seconds or an HTTP date.
 * @param now ms since the epoch
 * @returns ms, in [0, MAX_RETRY_AFTER_MS]; undefined without a valid header
 */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  const text = header?.trim() ?? ''
  const ms = /^\d+$/.test(text) ? Number(text) * SECOND : httpDate(text) - now
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS)
}

/** Parses an HTTP date. `Date.parse` accepts nearly anything, even `-1`, so this checks the form first. */
function httpDate(text: string): number {
  return /^[A-Z][a-z]+,? .*\d{2}:\d{2}:\d{2}/.test(text) ? Date.parse(text) : Number.NaN
}
