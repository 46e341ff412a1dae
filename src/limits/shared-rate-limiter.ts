import { type Backoff, backoffMs } from '../domain/backoff.js'
import { HostPause, type RateLimiter } from '../domain/ports/rate-limiter.js'
import { SECOND } from '../domain/units.js'
import type { GcraStore } from './gcra-store.js'
import { HostQueue } from './host-queue.js'

/** Longest stretch of one reservation. A longer one would take the next second from processes that come later. */
const RESERVE_MS = SECOND / 10
const MAX_SLOTS = 64
const BACKOFF: Backoff = { firstMs: SECOND / 10, maxMs: 5 * SECOND, jitter: 0.5 }
const SWEEP_AT = 1024

export interface SharedRateLimiterOptions {
  gcra: GcraStore
  /** Requests per second to one host, by all processes together; > 0. */
  rate: number
  /** Called once when the server goes away; requests wait until it is back. */
  onTrouble: (error: unknown) => void
}

/** Queues the requests of this process per host, on slots that all processes reserve in one store. */
export class SharedRateLimiter implements RateLimiter {
  readonly #options: SharedRateLimiterOptions
  readonly #hosts = new Map<string, HostQueue>()
  readonly #closing = new AbortController()
  #sweepAt = SWEEP_AT
  /** Failed calls in a row, counted once per backoff. */
  #failures = 0
  #backoff: Promise<void> | undefined

  constructor(options: SharedRateLimiterOptions) {
    this.#options = options
  }

  async acquire(host: string, signal: AbortSignal): Promise<void> {
    this.#closing.signal.throwIfAborted()
    await this.#queue(host).wait(signal)
  }

  async pause(host: string, ms: number): Promise<void> {
    this.#hosts.get(host)?.drop()
    this.#hosts.get(host)?.refuse(new HostPause(ms))
    const endsAt = performance.now() + ms
    for (let left = ms; left > 0 && !this.#closing.signal.aborted; left = endsAt - performance.now()) {
      const paused = await this.#asked(gcra => gcra.pause(host, left).then(() => true)).catch(() => false)
      if (paused) break
    }
    // Slots reserved meanwhile may lie before the end of the pause.
    this.#hosts.get(host)?.drop()
  }

  async close(): Promise<void> {
    const reason = new Error('the rate limiter was closed')
    this.#closing.abort(reason)
    for (const queue of this.#hosts.values()) queue.close(reason)
    this.#hosts.clear()
    await this.#options.gcra.close()
  }

  #queue(host: string): HostQueue {
    let queue = this.#hosts.get(host)
    if (queue === undefined) {
      if (this.#hosts.size >= this.#sweepAt) this.#sweep()
      const { rate } = this.#options
      const intervalMs = SECOND / rate
      queue = new HostQueue({
        intervalMs,
        maxSlots: Math.min(Math.max(Math.ceil(RESERVE_MS / intervalMs), 1), MAX_SLOTS),
        reserve: count => this.#asked(gcra => gcra.reserve(host, count, intervalMs)),
        isStillValid: epoch => this.#asked(gcra => gcra.isStillValid(host, epoch)),
      })
      this.#hosts.set(host, queue)
    }
    return queue
  }

  /** Forgets idle hosts, so that a crawl of a million hosts does not grow this map without limit. */
  #sweep(): void {
    for (const [host, queue] of this.#hosts) if (queue.idle) this.#hosts.delete(host)
    this.#sweepAt = Math.max(SWEEP_AT, 2 * this.#hosts.size)
  }

  /** Calls the store. While it is away, rejects after the backoff that is due before the next call. */
  async #asked<T>(ask: (gcra: GcraStore) => Promise<T>): Promise<T> {
    try {
      const answer = await ask(this.#options.gcra)
      this.#failures = 0
      return answer
    } catch (error) {
      await this.#backOff(error)
      throw error
    }
  }

  /** One backoff for all hosts: they share the server that is away. */
  #backOff(error: unknown): Promise<void> {
    if (this.#closing.signal.aborted) return Promise.resolve()
    if (this.#failures === 0) this.#options.onTrouble(error)
    this.#backoff ??= this.#sleep(this.#failures++).finally(() => {
      this.#backoff = undefined
    })
    return this.#backoff
  }

  #sleep(failures: number): Promise<void> {
    const ms = backoffMs(failures, BACKOFF)
    return new Promise(resolve => {
      const timer = setTimeout(end, ms)
      const { signal } = this.#closing
      function end() {
        clearTimeout(timer)
        signal.removeEventListener('abort', end)
        resolve()
      }
      signal.addEventListener('abort', end)
    })
  }
}
