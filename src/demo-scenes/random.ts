/** A seeded stream of random choices: the same seed gives the same stream on every machine. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number
  /** Uniform in [low, high). */
  between(low: number, high: number): number
  /** Uniform integer in [low, high], both included. */
  integer(low: number, high: number): number
  chance(probability: number): boolean
  pick<T>(items: readonly T[]): T
  /** Picks a key with a probability proportional to its weight. */
  weighted<T extends string>(weights: Partial<Record<T, number>>): T
}

/** mulberry32 (Tommy Ettinger, public domain): 32 bits of state are plenty for a picture. */
export function createRandom(seed: number): Random {
  // Neighbouring seeds start far apart: the golden-ratio step of splitmix spreads them over the state.
  let state = Math.imul(seed ^ 0x5bf03635, 0x9e3779b1) >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  const between = (low: number, high: number) => low + (high - low) * next()
  const pick = <T>(items: readonly T[]): T => {
    const item = items[Math.floor(next() * items.length)]
    if (item === undefined) throw new RangeError('Expected at least one item to pick from but received none')
    return item
  }
  return {
    next,
    between,
    pick,
    integer: (low, high) => Math.floor(between(low, high + 1)),
    chance: probability => next() < probability,
    weighted: <T extends string>(weights: Partial<Record<T, number>>): T => {
      const entries = Object.entries(weights) as [T, number][]
      let left = next() * entries.reduce((sum, [, weight]) => sum + weight, 0)
      for (const [key, weight] of entries) {
        left -= weight
        if (left < 0) return key
      }
      return pick(entries)[0]
    },
  }
}
