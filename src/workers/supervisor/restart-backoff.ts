import { type Backoff, backoffMs } from '../../domain/backoff.js'
import { SECOND } from '../../domain/units.js'

const BACKOFF: Backoff = { firstMs: SECOND, maxMs: 60 * SECOND, jitter: 0.5 }

/** A process that lived this long was healthy: its next crash counts as the first. */
export const WELL_AFTER_MS = 60 * SECOND

/**
 * Delay before a crashed process starts again, in ms, with equal jitter: processes that crashed together, for
 * instance for lack of memory, do not restart together.
 * @param crashes in a row, this one included
 * @param random in [0, 1)
 */
export function restartDelayMs(crashes: number, random: number = Math.random()): number {
  return Math.round(backoffMs(crashes - 1, { ...BACKOFF, random: () => random }))
}
