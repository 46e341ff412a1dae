const SECOND = 1000

const FIRST_MS = SECOND
const LONGEST_MS = 60 * SECOND

/** A process that lived this long was well: its next crash counts as the first again. */
export const WELL_AFTER_MS = 60 * SECOND

/**
 * Pause before a crashed process is started again, in ms: doubles with every crash in a row. Equal jitter (half fixed,
 * half random): processes that crashed together, for instance because memory ran out, do not come back together.
 * @param crashes in a row, this one included
 * @param random in [0, 1)
 */
export function restartDelayMs(crashes: number, random: number = Math.random()): number {
  const ceiling = Math.min(FIRST_MS * 2 ** (crashes - 1), LONGEST_MS)
  return Math.round(ceiling / 2 + random * (ceiling / 2))
}
