/** Limit of a worker process. A pixel takes 3 to 8 bytes while it is decoded (docs/explanation/images.md). */
export const MAX_PIXELS_IN_MEMORY = 64_000_000

/**
 * Limits the pixels in memory. First come, first served. An image larger than the whole budget waits until it is alone.
 */
export class PixelBudget {
  #taken = 0
  readonly #waiting: { pixels: number; start: () => void }[] = []

  constructor(private readonly capacity: number) {}

  /** Runs `work` as soon as that many pixels are free. */
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
