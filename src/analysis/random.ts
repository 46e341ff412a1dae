/**
 * Pseudo-random numbers in [0, 1) from a seed: mulberry32, 32 bits of state. The same seed gives the same numbers on
 * every machine.
 */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Draws `count` different whole numbers below `below`, in rising order. @throws RangeError for more than there are */
export function drawDistinct(count: number, below: number, random: () => number): Int32Array {
  if (count > below) throw new RangeError(`expected at most ${below} numbers to draw, found ${count}`)
  const drawn = new Int32Array(count)
  // Selection sampling, Knuth's algorithm S.
  for (let i = 0, taken = 0; taken < count; i++) if (random() * (below - i) < count - taken) drawn[taken++] = i
  return drawn
}
