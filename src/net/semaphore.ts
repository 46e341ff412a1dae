/**
 * A counting semaphore whose waiters can be aborted. First come, first served.
 */
export class Semaphore {
  #free: number
  readonly #waiting: { grant(): void; refuse(reason: unknown): void }[] = []
  readonly #capacity: number

  /** @param capacity number of permits */
  constructor(capacity: number) {
    this.#free = this.#capacity = capacity
  }

  /**
   * Waits for a permit.
   * @returns a function that releases the permit; calling it again does nothing
   * @throws the signal's reason, when it is aborted first
   */
  async acquire(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted()
    if (this.#free > 0) this.#free--
    else await this.#wait(signal)
    let held = true
    return () => {
      if (!held) return
      held = false
      const next = this.#waiting.shift()
      if (next) next.grant()
      else this.#free++
    }
  }

  /** Number of permits that are held. */
  get held(): number {
    return this.#capacity - this.#free
  }

  /** Rejects all that wait. */
  refuseWaiters(reason: unknown): void {
    for (const waiter of this.#waiting.splice(0)) waiter.refuse(reason)
  }

  #wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiter = {
        grant: () => {
          signal.removeEventListener('abort', aborted)
          resolve()
        },
        refuse: (reason: unknown) => {
          signal.removeEventListener('abort', aborted)
          reject(reason)
        },
      }
      const aborted = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1)
        reject(signal.reason)
      }
      this.#waiting.push(waiter)
      signal.addEventListener('abort', aborted, { once: true })
    })
  }
}

/** One holder's right to a permit of a semaphore, taken late and given back early. */
export interface Permit {
  /** Waits for the permit; does nothing when it is held. Rejects with the signal's reason. */
  take(signal: AbortSignal): Promise<void>
  /** Gives the permit back, if it is held. */
  give(): void
}

/** @param onTaken checks once more, now that the permit is held; what it throws rejects `take` */
export function permitOf(semaphore: Semaphore, onTaken: () => void = () => {}): Permit {
  let release: (() => void) | undefined
  return {
    async take(signal) {
      if (release !== undefined) return
      release = await semaphore.acquire(signal)
      onTaken()
    },
    give() {
      release?.()
      release = undefined
    },
  }
}
