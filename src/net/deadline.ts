/**
 * A signal that is aborted by a caller's signal or, once started, by the clock, whichever comes first; its reason is what
 * the waiting code throws. `AbortSignal.any` is not used: on Node 20 it keeps a listener on a long-lived signal for good.
 */
export class Deadline {
  readonly #controller = new AbortController()
  readonly #parent: AbortSignal | undefined
  readonly #forward = () => this.#controller.abort(this.#parent?.reason)
  #timer: NodeJS.Timeout | undefined
  #endsAt = Number.POSITIVE_INFINITY

  constructor(parent?: AbortSignal) {
    this.#parent = parent
    if (parent?.aborted) this.#forward()
    else parent?.addEventListener('abort', this.#forward, { once: true })
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Ms that are left; Infinity before the start. */
  get remainingMs(): number {
    return Math.max(0, this.#endsAt - performance.now())
  }

  /** Starts the clock; later calls change nothing. */
  start(ms: number, reason: () => Error): void {
    if (this.#timer !== undefined) return
    this.#endsAt = performance.now() + ms
    this.#timer = setTimeout(() => this.#controller.abort(reason()), ms)
  }

  /** Lets go of the timer and of the caller's signal. */
  clear(): void {
    clearTimeout(this.#timer)
    this.#parent?.removeEventListener('abort', this.#forward)
  }
}
