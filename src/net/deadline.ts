/**
 * A signal that a caller's signal or the clock aborts, whichever comes first; waiting code throws its reason. The clock
 * runs between `start` and `stop`, which may be called repeatedly. `AbortSignal.any` is no alternative: on Node 20 a
 * long-lived signal remembers each that came from it forever.
 */
export class Deadline {
  readonly #controller = new AbortController()
  readonly #parent: AbortSignal | undefined
  readonly #forward = () => this.#controller.abort(this.#parent?.reason)
  #timer: NodeJS.Timeout | undefined
  #remainingMs: number
  #startedAt = 0

  /** @param ms total running time of the clock */
  constructor(ms: number, parent?: AbortSignal) {
    this.#remainingMs = ms
    this.#parent = parent
    if (parent?.aborted) this.#forward()
    else parent?.addEventListener('abort', this.#forward, { once: true })
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Remaining time of the clock, in ms. */
  get remainingMs(): number {
    const ranMs = this.#timer === undefined ? 0 : performance.now() - this.#startedAt
    return Math.max(0, this.#remainingMs - ranMs)
  }

  /** @param reason of the abort if the time ends before the next `stop` */
  start(reason: () => Error): void {
    this.stop()
    this.#startedAt = performance.now()
    this.#timer = setTimeout(() => this.#controller.abort(reason()), this.#remainingMs)
  }

  stop(): void {
    this.#remainingMs = this.remainingMs
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** Releases the timer and the caller's signal. */
  clear(): void {
    this.stop()
    this.#parent?.removeEventListener('abort', this.#forward)
  }
}
