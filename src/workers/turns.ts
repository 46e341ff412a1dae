/** Time for those at work to end, before somebody who found no room is no longer expected back. */
const RESERVE_MS = 10_000

/** The right to work, until `end` is called. */
export interface Turn {
  end(): void
}

interface Waiter {
  isFree: () => boolean
  go: () => void
}

/**
 * Who works beside whom in this process: batches as a rule beside each other, suspects of having crashed a process alone,
 * so that nobody else is suspected when it happens again. (A readers-writer lock that prefers the writer.)
 *
 * A suspect never waits beside another one at work: that one may be the culprit. It may wait for ordinary batches to end,
 * except with {@link aloneNow}.
 */
export class Turns {
  #sharing = 0
  #alone = false
  /** Somebody waits to be alone. */
  #awaited = false
  #reservation: NodeJS.Timeout | undefined
  #waiters: Waiter[] = []

  /** Waits until nobody is alone or about to be. Rejects with the signal's reason. */
  shared(signal: AbortSignal): Promise<Turn> {
    return this.#when(
      () => !this.#alone && !this.#awaited && this.#reservation === undefined,
      () => {
        this.#sharing++
        return this.#turn(() => this.#sharing--)
      },
      signal,
    )
  }

  /**
   * Waits until those at work have ended, while no other begins.
   * @returns null, at once, when another one is alone, or waits to be. Rejects with the signal's reason
   */
  async alone(signal: AbortSignal): Promise<Turn | null> {
    if (this.#alone || this.#awaited) return null
    this.#awaited = true
    try {
      return await this.#when(
        () => this.#sharing === 0,
        () => this.#beAlone(),
        signal,
      )
    } finally {
      this.#awaited = false
      this.#wake()
    }
  }

  /** @returns null, at once, when anybody is at work. Then no other begins for a while, so that a next call finds room */
  aloneNow(): Turn | null {
    if (this.#sharing === 0 && !this.#alone && !this.#awaited) return this.#beAlone()
    clearTimeout(this.#reservation)
    this.#reservation = setTimeout(() => this.#cancelReservation(), RESERVE_MS)
    return null
  }

  close(): void {
    this.#cancelReservation()
  }

  #beAlone(): Turn {
    this.#alone = true
    this.#cancelReservation()
    return this.#turn(() => {
      this.#alone = false
    })
  }

  #turn(onEnd: () => void): Turn {
    return {
      end: () => {
        onEnd()
        this.#wake()
      },
    }
  }

  #cancelReservation(): void {
    clearTimeout(this.#reservation)
    this.#reservation = undefined
    this.#wake()
  }

  #when(isFree: () => boolean, take: () => Turn, signal: AbortSignal): Promise<Turn> {
    if (signal.aborted) return Promise.reject(signal.reason)
    if (isFree()) return Promise.resolve(take())
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiters = this.#waiters.filter(other => other !== waiter)
        reject(signal.reason)
      }
      const waiter = {
        isFree,
        go: () => {
          signal.removeEventListener('abort', leave)
          resolve(take())
        },
      }
      signal.addEventListener('abort', leave, { once: true })
      this.#waiters.push(waiter)
    })
  }

  /** In the order in which they came; each changes what is free for the next. */
  #wake(): void {
    for (const waiter of [...this.#waiters]) {
      if (!waiter.isFree()) continue
      this.#waiters = this.#waiters.filter(other => other !== waiter)
      waiter.go()
    }
  }
}
