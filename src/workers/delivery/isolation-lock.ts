/**
 * How long a refused {@link IsolationLock.tryAcquireExclusive} keeps new shared leases out, so that its next try
 * succeeds.
 */
const RESERVE_MS = 10_000

/** The right to work on a batch, until it is released. */
export interface Lease {
  release(): void
}

interface Waiter {
  isFree: () => boolean
  go: () => void
}

/**
 * A readers-writer lock that prefers writers. Ordinary batches share the process; a suspect (a batch that may have
 * crashed a process) gets it exclusively, so that a second crash puts no other batch under suspicion.
 *
 *     free ── acquireShared ──> shared (n readers) ── last release ──> free
 *     free ── acquireExclusive, tryAcquireExclusive ──> exclusive ── release ──> free
 *     shared ── acquireExclusive ──> a writer waits: no new reader ── last release ──> exclusive
 *     shared ── tryAcquireExclusive ──> refused, reserved: no new reader for RESERVE_MS
 *
 * A suspect never waits for another suspect, which may be the culprit: acquiring returns null then. It may wait for
 * ordinary batches, except with {@link tryAcquireExclusive}.
 */
export class IsolationLock {
  #readers = 0
  #isExclusive = false
  /** A writer waits for the readers to release. */
  #writerWaits = false
  #reservation: NodeJS.Timeout | undefined
  #waiters: Waiter[] = []

  /** Waits until no writer holds the lock or waits for it. Rejects with the signal's reason. */
  acquireShared(signal: AbortSignal): Promise<Lease> {
    return this.#when(
      () => !this.#isExclusive && !this.#writerWaits && this.#reservation === undefined,
      () => {
        this.#readers++
        return this.#lease(() => this.#readers--)
      },
      signal,
    )
  }

  /**
   * Waits until all readers have released; no new reader gets in meanwhile.
   * @returns null, at once, when another writer holds the lock or waits for it. Rejects with the signal's reason
   */
  async acquireExclusive(signal: AbortSignal): Promise<Lease | null> {
    if (this.#isExclusive || this.#writerWaits) return null
    this.#writerWaits = true
    try {
      return await this.#when(
        () => this.#readers === 0,
        () => this.#lockExclusive(),
        signal,
      )
    } finally {
      this.#writerWaits = false
      this.#wake()
    }
  }

  /**
   * @returns null, at once, when the lock is held. Then no new reader gets in for a while, so that the next try
   * succeeds
   */
  tryAcquireExclusive(): Lease | null {
    if (this.#readers === 0 && !this.#isExclusive && !this.#writerWaits) return this.#lockExclusive()
    clearTimeout(this.#reservation)
    this.#reservation = setTimeout(() => this.#cancelReservation(), RESERVE_MS)
    return null
  }

  close(): void {
    this.#cancelReservation()
  }

  #lockExclusive(): Lease {
    this.#isExclusive = true
    this.#cancelReservation()
    return this.#lease(() => {
      this.#isExclusive = false
    })
  }

  #lease(onEnd: () => void): Lease {
    return {
      release: () => {
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

  #when(isFree: () => boolean, take: () => Lease, signal: AbortSignal): Promise<Lease> {
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

  /** Wakes waiters in their order; each lease changes what is free for the next. */
  #wake(): void {
    for (const waiter of [...this.#waiters]) {
      if (!waiter.isFree()) continue
      this.#waiters = this.#waiters.filter(other => other !== waiter)
      waiter.go()
    }
  }
}
