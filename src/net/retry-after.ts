const SECOND = 1000
const MINUTE = 60 * SECOND

/** A server that asks for more is asked again after this: a batch is not held up for a day. */
export const MAX_RETRY_AFTER_MS = 5 * MINUTE

/**
 * How long a `Retry-After` header asks to wait (RFC 9110, section 10.2.3): seconds or an HTTP date.
 * @param now ms since the epoch
 * @returns ms, in [0, MAX_RETRY_AFTER_MS]; undefined when there is none or it means nothing
 */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  const text = header?.trim() ?? ''
  const ms = /^\d+$/.test(text) ? Number(text) * SECOND : httpDate(text) - now
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS)
}

/** `Date.parse` takes nearly anything, `-1` included, so insist on what every HTTP date has. */
function httpDate(text: string): number {
  return /^[A-Z][a-z]+,? .*\d{2}:\d{2}:\d{2}/.test(text) ? Date.parse(text) : Number.NaN
}
