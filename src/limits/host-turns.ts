import type { Reservation } from './slot-ledger.js'

const SECOND = 1000

/** What the server said of a host is acted upon for so long; after that it is asked again, as somebody may have paused it. */
const FRESH_MS = SECOND / 10
/** A slot is taken so late at most. Encoding can keep the event loop busy for some hundred ms. */
const LAPSE_MS = SECOND

export interface TurnOptions {
  intervalMs: number
  /** Most slots of one reservation. */
  maxSlots: number
  /** Reject while the server is away, after having waited before the next try. */
  reserve(count: number): Promise<Reservation>
  holds(openedAt: number): Promise<boolean>
}

interface Turn {
  give(): void
  refuse(reason: unknown): void
}

/**
 * Those of this process who want to ask one host, in their order, and the slots that were reserved for them. One loop runs
 * while anybody waits, and is the only one that changes the slots: it reserves when there are none, sleeps until the next
 * is due, makes sure that it still counts when it was reserved long ago, and gives it to the first who waits.
 */
export class HostTurns {
  readonly #options: TurnOptions
  readonly #waiting: Turn[] = []
  /** Moments at which the slots are due, in ms of `performance.now()`. */
  #slots: number[] = []
  #reservedAt = 0
  #heardAt = 0
  #openedAt = 0
  /** Slots of the latest reservation that were given. */
  #given = 0
  #running = false
  #closed = false
  #wake = () => {}

  constructor(options: TurnOptions) {
    this.#options = options
  }

  /** Whether nothing would be lost by forgetting this host. */
  get idle(): boolean {
    return !this.#running && this.#waiting.length === 0
  }

  wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      const turn: Turn = {
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
        this.#waiting.splice(this.#waiting.indexOf(turn), 1)
        if (this.#waiting.length === 0) this.#wake()
        reject(signal.reason)
      }
      signal.addEventListener('abort', aborted, { once: true })
      this.#waiting.push(turn)
      if (!this.#running) void this.#run()
    })
  }

  /** The slots at hand do not count any more. */
  drop(): void {
    this.#slots = []
    this.#wake()
  }

  close(reason: Error): void {
    this.#closed = true
    for (const turn of this.#waiting.splice(0)) turn.refuse(reason)
    this.#wake()
  }

  async #run(): Promise<void> {
    this.#running = true
    while (this.#waiting.length > 0 && !this.#closed) {
      const now = performance.now()
      while (this.#slots.length > 0 && now - Math.max(this.#slots[0]!, this.#reservedAt) > LAPSE_MS) this.#slots.shift()
      const dueMs = this.#slots.length === 0 ? 0 : this.#slots[0]! - now
      if (this.#slots.length === 0) await this.#reserve()
      else if (dueMs > 0) await this.#sleep(dueMs)
      else if (now - this.#heardAt > FRESH_MS) await this.#confirm()
      else {
        this.#slots.shift()
        this.#given++
        this.#waiting.shift()!.give()
      }
    }
    this.#running = false
  }

  /** As many as wait, or a few more than were used of the last ones: who is served comes back for more. */
  async #reserve(): Promise<void> {
    const { intervalMs, maxSlots } = this.#options
    const wanted = Math.max(this.#waiting.length, Math.ceil(this.#given * 1.25))
    const count = Math.min(wanted, maxSlots)
    const reservation = await this.#options.reserve(count).catch(() => null)
    if (reservation === null) return
    this.#reservedAt = this.#heardAt = performance.now()
    this.#openedAt = reservation.openedAt
    this.#given = 0
    const first = this.#heardAt + reservation.firstInMs
    this.#slots = Array.from({ length: count }, (_, i) => first + i * intervalMs)
  }

  async #confirm(): Promise<void> {
    const slots = this.#slots
    const holds = await this.#options.holds(this.#openedAt).catch(() => null)
    if (holds === null || slots !== this.#slots) return
    if (holds) this.#heardAt = performance.now()
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
