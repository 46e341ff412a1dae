/**
 * A counting semaphore whose waiters can be aborted. First come, first served.
 */
export class Slots {
  #free: number
  readonly #waiting: (() => void)[] = []

  /** @param capacity how many may hold a slot at once */
  constructor(capacity: number) {
    this.#free = capacity
  }

  /**
   * Waits for a slot.
   * @returns gives the slot back; calling it again does nothing
   * @throws the signal's reason, when it is aborted first
   */
  async acquire(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted()
    if (this.#free > 0) this.#free--
    else await this.#turn(signal)
    let held = true
    return () => {
      if (!held) return
      held = false
      const next = this.#waiting.shift()
      if (next) next()
      else this.#free++
    }
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const granted = () => {
        signal.removeEventListener('abort', aborted)
        resolve()
      }
      const aborted = () => {
        this.#waiting.splice(this.#waiting.indexOf(granted), 1)
        reject(signal.reason)
      }
      this.#waiting.push(granted)
      signal.addEventListener('abort', aborted, { once: true })
    })
  }
}
