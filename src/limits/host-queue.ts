import { HostPause } from '../domain/ports/rate-limiter.js'
import { SECOND } from '../domain/units.js'
import type { Reservation } from './gcra-store.js'

/**
 * How long an answer of the store counts as current. After that it is revalidated: another worker may have paused the
 * host.
 */
const FRESH_MS = SECOND / 10
/** A slot lapses this long after it is due. Encoding can block the event loop for some hundred ms. */
const LAPSE_MS = SECOND

export interface HostQueueOptions {
  intervalMs: number
  /** Maximum number of slots per reservation. */
  maxSlots: number
  /** Rejects while the server is away, after the pause that is due before the next try. */
  reserve(count: number): Promise<Reservation>
  isStillValid(epoch: number): Promise<boolean>
}

interface Waiter {
  give(): void
  refuse(reason: unknown): void
}

/**
 * The requests of this process to one host, first come, first served, and the slots reserved for them.
 *
 *     idle ── wait() ──> serve: no slot       reserve, from the store; host paused: refuse all waiters
 *                               next not due  sleep
 *                               answer old    revalidate: drop the slots if the store lost them or the host is paused
 *                               slot due      give it to the first waiter
 *          <── no waiter left, or closed ──┘
 *
 * One loop ({@link #serve}) runs while requests wait. Only it takes slots and adds them; `drop` discards all of them.
 */
export class HostQueue {
  readonly #options: HostQueueOptions
  readonly #waiting: Waiter[] = []
  /** Due times of the reserved slots, in ms of `performance.now()`. */
  #slots: number[] = []
  #reservedAt = 0
  #heardAt = 0
  #epoch = 0
  /** Slots given out of the latest reservation. */
  #given = 0
  #serving = false
  #closed = false
  #wake = () => {}

  constructor(options: HostQueueOptions) {
    this.#options = options
  }

  /** Whether this host can be forgotten without losing anything. */
  get idle(): boolean {
    return !this.#serving && this.#waiting.length === 0
  }

  wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      const waiter: Waiter = {
        give: () => {
          signal.removeEventListener('abort', aborted)
          resolve()
        },
        refuse: reason => {
          signal.removeEventListener('abort', aborted)
          reject(reason)
        },
      }
      const aborted = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1)
        if (this.#waiting.length === 0) this.#wake()
        reject(signal.reason)
      }
      signal.addEventListener('abort', aborted, { once: true })
      this.#waiting.push(waiter)
      if (!this.#serving) void this.#serve()
    })
  }

  /** Discards the reserved slots. */
  drop(): void {
    this.#slots = []
    this.#wake()
  }

  /** Rejects the requests that wait. */
  refuse(reason: Error): void {
    for (const waiter of this.#waiting.splice(0)) waiter.refuse(reason)
    this.#wake()
  }

  close(reason: Error): void {
    this.#closed = true
    this.refuse(reason)
  }

  async #serve(): Promise<void> {
    this.#serving = true
    while (this.#waiting.length > 0 && !this.#closed) {
      const now = performance.now()
      while (this.#slots.length > 0 && now - Math.max(this.#slots[0]!, this.#reservedAt) > LAPSE_MS) this.#slots.shift()
      const dueMs = this.#slots.length === 0 ? 0 : this.#slots[0]! - now
      if (this.#slots.length === 0) await this.#reserve()
      else if (dueMs > 0) await this.#sleep(dueMs)
      else if (now - this.#heardAt > FRESH_MS) await this.#revalidate()
      else {
        this.#slots.shift()
        this.#given++
        this.#waiting.shift()!.give()
      }
    }
    this.#serving = false
  }

  /**
   * Reserves one slot per waiter, or a quarter more than the last reservation used: served requests come back for
   * more.
   */
  async #reserve(): Promise<void> {
    const { intervalMs, maxSlots } = this.#options
    const wanted = Math.max(this.#waiting.length, Math.ceil(this.#given * 1.25))
    const count = Math.min(wanted, maxSlots)
    const reservation = await this.#options.reserve(count).catch(() => null)
    if (reservation === null) return
    if (reservation.pausedMs > 0) return this.refuse(new HostPause(reservation.pausedMs))
    this.#reservedAt = this.#heardAt = performance.now()
    this.#epoch = reservation.epoch
    this.#given = 0
    const first = this.#heardAt + reservation.firstInMs
    this.#slots = Array.from({ length: count }, (_, i) => first + i * intervalMs)
  }

  async #revalidate(): Promise<void> {
    const slots = this.#slots
    const isValid = await this.#options.isStillValid(this.#epoch).catch(() => null)
    if (isValid === null || slots !== this.#slots) return
    if (isValid) this.#heardAt = performance.now()
    else this.#slots = []
  }

  #sleep(ms: number): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(resolve, ms)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}
