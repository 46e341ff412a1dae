/**
 * A signal that is aborted by a caller's signal or by the clock, whichever comes first; its reason is what the waiting
 * code throws. The clock runs between `start` and `stop`, and both may be called again and again. `AbortSignal.any` is not
 * used: on Node 20 it keeps a listener on a long-lived signal for good.
 */
export class Deadline {
  readonly #controller = new AbortController()
  readonly #parent: AbortSignal | undefined
  readonly #forward = () => this.#controller.abort(this.#parent?.reason)
  #timer: NodeJS.Timeout | undefined
  #remainingMs: number
  #startedAt = 0

  /** @param ms how long the clock may run altogether */
  constructor(ms: number, parent?: AbortSignal) {
    this.#remainingMs = ms
    this.#parent = parent
    if (parent?.aborted) this.#forward()
    else parent?.addEventListener('abort', this.#forward, { once: true })
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Ms that are left for the clock to run. */
  get remainingMs(): number {
    const ranMs = this.#timer === undefined ? 0 : performance.now() - this.#startedAt
    return Math.max(0, this.#remainingMs - ranMs)
  }

  /** @param reason of the abortion, should the time run out before the next `stop` */
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

  /** Lets go of the timer and of the caller's signal. */
  clear(): void {
    this.stop()
    this.#parent?.removeEventListener('abort', this.#forward)
  }
}
