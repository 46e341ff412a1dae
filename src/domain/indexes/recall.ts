/** Measures which share of the true nearest neighbours a search finds. */

interface Scored {
  score: number
}

/** Scores that differ by less count as ties: single precision has about seven digits. */
const TIE = 1e-6

/**
 * Returns recall@k of one answer: the share of the true k nearest that it contains. Every photo as near as the k-th
 * counts, so photos with equal embeddings are interchangeable.
 * @param exact the true k nearest by falling score; fewer when there are no more
 */
export function recallOf(found: readonly Scored[], exact: readonly Scored[]): number {
  if (exact.length === 0) return 1
  const last = exact.at(-1)!.score - TIE
  return Math.min(1, found.filter(({ score }) => score >= last).length / exact.length)
}

export interface Mean {
  mean: number
  /** 95 % confidence interval of the mean. */
  low: number
  high: number
}

/** Normal quantile that leaves 2.5 % on either side. */
const Z = 1.96

/**
 * Returns the mean of shares in [0, 1] over a sample, with its confidence interval (normal approximation). When all are
 * 1, the rule of three gives the lower end: the true mean may be as low as 1 − 3/n.
 */
export function meanShare(shares: readonly number[]): Mean {
  const n = shares.length
  const mean = shares.reduce((sum, share) => sum + share, 0) / n
  if (mean === 1) return { mean, low: Math.max(0, 1 - 3 / n), high: 1 }
  const variance = shares.reduce((sum, share) => sum + (share - mean) ** 2, 0) / Math.max(1, n - 1)
  const half = Z * Math.sqrt(variance / n)
  return { mean, low: Math.max(0, mean - half), high: Math.min(1, mean + half) }
}

/** Returns the median; for an even count the lower of the two. @param values at least one */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)]!
}
