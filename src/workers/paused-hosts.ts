import type { HostPausedError } from '../domain/errors.js'
import { formatDuration, formatQuantity } from '../domain/text/format.js'
import { SECOND } from '../domain/units.js'

const MOST_NAMED = 3

/** Names the paused hosts, for people, those with the longest pause first; null: none. */
export function describePauses(pauses: readonly HostPausedError[]): string | null {
  if (pauses.length === 0) return null
  const named = pauses
    .toSorted((a, b) => b.ms - a.ms)
    .slice(0, MOST_NAMED)
    .map(({ host, ms, failure }) => {
      const why = failure.code === 'HOST_PAUSED' ? 'asked for a pause' : 'does not answer'
      return `${host} ${why} and is asked again in ${formatDuration(Math.ceil(ms / SECOND))}`
    })
  const others = pauses.length - named.length
  return `${named.join('; ')}${others > 0 ? `; ${formatQuantity(others, 'more host is', 'more hosts are')} paused` : ''}`
}
