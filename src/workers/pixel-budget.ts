/** Of a worker process, decoded or half decoded at the same time. */
export const MAX_PIXELS_IN_MEMORY = 64_000_000

/**
 * Bounds how many pixels are in memory at once. First come, first served; what is larger than the whole budget waits until
 * nothing else is under way, and then goes alone.
 */
export class PixelBudget {
  #taken = 0
  readonly #waiting: { pixels: number; start: () => void }[] = []

  constructor(private readonly capacity: number) {}

  /** Runs `work` once so many pixels are free. */
  async spend<T>(pixels: number, work: () => Promise<T>): Promise<T> {
    const share = Math.min(pixels, this.capacity)
    if (this.#waiting.length > 0 || this.#taken + share > this.capacity)
      await new Promise<void>(start => this.#waiting.push({ pixels: share, start }))
    else this.#taken += share
    try {
      return await work()
    } finally {
      this.#taken -= share
      this.#startNext()
    }
  }

  #startNext(): void {
    for (let next = this.#waiting[0]; next && this.#taken + next.pixels <= this.capacity; next = this.#waiting[0]) {
      this.#waiting.shift()
      this.#taken += next.pixels
      next.start()
    }
  }
}
