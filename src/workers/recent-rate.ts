import { SECOND } from '../domain/units.js'

/** Recent rate per second of a growing count that is sampled now and then. */
export class RecentRate {
  readonly #looks: { at: number; count: number }[]

  constructor(private readonly windowMs: number) {
    this.#looks = [{ at: Date.now(), count: 0 }]
  }

  /** @param count total so far */
  look(count: number): number {
    const at = Date.now()
    this.#looks.push({ at, count })
    // The window starts at the last sample before it.
    while (this.#looks.length > 2 && this.#looks[1]!.at <= at - this.windowMs) this.#looks.shift()
    const first = this.#looks[0]!
    return (count - first.count) / Math.max((at - first.at) / SECOND, 0.001)
  }
}
