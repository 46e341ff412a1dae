import type { RateLimiter } from '../domain/ports/rate-limiter.js'
import { HostTurns } from './host-turns.js'
import type { SlotLedger } from './slot-ledger.js'

const SECOND = 1000

/** A reservation reaches at most so far: with more, those who came later would find the next second taken. */
const RESERVE_MS = SECOND / 10
const MAX_SLOTS = 64
const FIRST_BACKOFF_MS = SECOND / 10
const MAX_BACKOFF_MS = 5 * SECOND
const SWEEP_AT = 1024

export interface SharedRateLimiterOptions {
  ledger: SlotLedger
  /** Requests a second to one host, of all processes together; > 0. */
  rate: number
  /** Told once when the server goes away; turns are waited for until it is back. */
  onTrouble: (error: unknown) => void
}

/** Turns of this process, on slots that all processes reserve in one ledger. */
export class SharedRateLimiter implements RateLimiter {
  readonly #options: SharedRateLimiterOptions
  readonly #hosts = new Map<string, HostTurns>()
  readonly #closing = new AbortController()
  #sweepAt = SWEEP_AT
  /** Calls that failed since the last one that did not, and took part in the backoff. */
  #failures = 0
  #backoff: Promise<void> | undefined

  constructor(options: SharedRateLimiterOptions) {
    this.#options = options
  }

  async acquire(host: string, signal: AbortSignal): Promise<void> {
    this.#closing.signal.throwIfAborted()
    await this.#turns(host).wait(signal)
  }

  async pause(host: string, ms: number): Promise<void> {
    this.#hosts.get(host)?.drop()
    const endsAt = performance.now() + ms
    for (let left = ms; left > 0 && !this.#closing.signal.aborted; left = endsAt - performance.now()) {
      const paused = await this.#asked(ledger => ledger.pause(host, left).then(() => true)).catch(() => false)
      if (paused) break
    }
    // What was reserved in the meantime may lie before the end.
    this.#hosts.get(host)?.drop()
  }

  async close(): Promise<void> {
    const reason = new Error('the rate limiter was closed')
    this.#closing.abort(reason)
    for (const turns of this.#hosts.values()) turns.close(reason)
    this.#hosts.clear()
    await this.#options.ledger.close()
  }

  #turns(host: string): HostTurns {
    let turns = this.#hosts.get(host)
    if (turns === undefined) {
      if (this.#hosts.size >= this.#sweepAt) this.#sweep()
      const { rate } = this.#options
      const intervalMs = SECOND / rate
      turns = new HostTurns({
        intervalMs,
        maxSlots: Math.min(Math.max(Math.ceil(RESERVE_MS / intervalMs), 1), MAX_SLOTS),
        reserve: count => this.#asked(ledger => ledger.reserve(host, count, intervalMs)),
        holds: openedAt => this.#asked(ledger => ledger.holds(host, openedAt)),
      })
      this.#hosts.set(host, turns)
    }
    return turns
  }

  /** Forgets the hosts that nobody waits for: a crawl of a million hosts must not grow this map without end. */
  #sweep(): void {
    for (const [host, turns] of this.#hosts) if (turns.idle) this.#hosts.delete(host)
    this.#sweepAt = Math.max(SWEEP_AT, 2 * this.#hosts.size)
  }

  /** Asks the ledger; when it is away, rejects after the pause that is due before it is asked again. */
  async #asked<T>(ask: (ledger: SlotLedger) => Promise<T>): Promise<T> {
    try {
      const answer = await ask(this.#options.ledger)
      this.#failures = 0
      return answer
    } catch (error) {
      await this.#backOff(error)
      throw error
    }
  }

  /** All hosts wait together: they share the server that is away. */
  #backOff(error: unknown): Promise<void> {
    if (this.#closing.signal.aborted) return Promise.resolve()
    if (this.#failures === 0) this.#options.onTrouble(error)
    this.#backoff ??= this.#sleep(this.#failures++).finally(() => {
      this.#backoff = undefined
    })
    return this.#backoff
  }

  #sleep(failures: number): Promise<void> {
    const ms = Math.min(FIRST_BACKOFF_MS * 2 ** failures, MAX_BACKOFF_MS) * (0.5 + Math.random() / 2)
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
