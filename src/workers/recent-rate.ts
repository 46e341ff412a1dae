const SECOND = 1000

/** How many things happened a second lately: a count that only grows, looked at now and then. */
export class RecentRate {
  readonly #looks: { at: number; count: number }[]

  constructor(private readonly windowMs: number) {
    this.#looks = [{ at: Date.now(), count: 0 }]
  }

  /** @param count until now */
  look(count: number): number {
    const at = Date.now()
    this.#looks.push({ at, count })
    // The last one before the window is where it begins.
    while (this.#looks.length > 2 && this.#looks[1]!.at <= at - this.windowMs) this.#looks.shift()
    const first = this.#looks[0]!
    return (count - first.count) / Math.max((at - first.at) / SECOND, 0.001)
  }
}
