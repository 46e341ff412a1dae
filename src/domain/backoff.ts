export interface Backoff {
  /** Delay after the first failure. */
  firstMs: number
  /** Longest delay; default: none. */
  maxMs?: number
  /** Share of the delay that is random, in [0, 1]; default: 0. */
  jitter?: number
  /** In [0, 1). */
  random?: () => number
}

/**
 * Exponential backoff: `d = min(firstMs × 2^failures, maxMs)`, of which the share `jitter` is random. With a jitter of 0.5
 * that is "equal jitter" (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/): clients that failed
 * together do not come back together.
 * @param failures in a row before the latest one; 0 after the first failure
 * @returns ms, in [(1 − jitter) × d, d]
 */
export function backoffMs(
  failures: number,
  { firstMs, maxMs = Number.POSITIVE_INFINITY, jitter = 0, random = Math.random }: Backoff,
): number {
  const ceilingMs = Math.min(firstMs * 2 ** failures, maxMs)
  return ceilingMs * (1 - jitter) + random() * (ceilingMs * jitter)
}
