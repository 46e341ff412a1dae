/** Rejects a request to a host that is paused. */
export class HostPause extends Error {
  override readonly name = 'HostPause'

  /** @param ms rest of the pause */
  constructor(readonly ms: number) {
    super(`the host is paused for ${Math.round(ms)} ms`)
  }
}

/**
 * Limits the requests of all workers together to one host, across processes and machines. Promises:
 * - In any interval, the turns for a host, from all limiters on the same server, do not exceed the rate times that
 *   interval, plus a quarter of a second's worth after an idle time. Only the server's clock counts.
 * - Each process serves its requests first come, first served, and no host waits for another.
 * - After `pause`, no turn for that host is given until the pause is over, and none is waited for: requests reject with
 *   {@link HostPause} at once. Other processes learn of it within 0.1 s.
 * - While the server is unreachable, turns are neither given nor refused: requests wait, and get a turn after it
 *   returns.
 */
export interface RateLimiter {
  /**
   * Waits until a request to this host may start.
   * @param host `name` or `name:port`, as in a URL
   * @throws HostPause while the host is paused; the signal's reason, when it is aborted first
   */
  acquire(host: string, signal: AbortSignal): Promise<void>
  /** Pauses requests to a host. Resolves when all processes know, or when the pause is over. Never rejects. */
  pause(host: string, ms: number): Promise<void>
  /** Rejects all waiting requests. */
  close(): Promise<void>
}
