/**
 * How often all workers together ask one host, however many processes on however many machines they are. Promises: over
 * any stretch of time the turns given for a host, by all limiters on the same server, are no more than the rate times
 * that stretch, and a quarter of a second's worth after a lull; the server's clock counts, nobody else's. Turns of one
 * process are given first come, first served, and no host waits for another. After `pause` nobody gets a turn for that
 * host until it is over; other processes know of it within a tenth of a second. While the server is away turns are neither
 * given nor refused: whoever asked goes on waiting, and gets one once it is back.
 */
export interface RateLimiter {
  /**
   * Waits until a request to this host may start.
   * @param host `name` or `name:port`, as in a URL
   * @throws the signal's reason, when it is aborted first
   */
  acquire(host: string, signal: AbortSignal): Promise<void>
  /** Leaves a host alone. Resolves once all are told of it, or when the pause is over before they could be; never rejects. */
  pause(host: string, ms: number): Promise<void>
  /** Refuses whoever still waits. */
  close(): Promise<void>
}
