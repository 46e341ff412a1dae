import { setTimeout as pause } from 'node:timers/promises'
import { SECOND } from './units.js'

/** How long {@link Heartbeat.end} waits for the last report. */
const END_MS = 2 * SECOND

/** Reports regularly that something is alive. A report that fails is dropped: the next one follows. */
export class Heartbeat {
  readonly #timer: NodeJS.Timeout
  #reporting: Promise<void> | undefined

  constructor(
    private readonly report: () => Promise<void>,
    everyMs: number,
  ) {
    this.#timer = setInterval(() => this.beat(), everyMs).unref()
  }

  /** Reports now, unless a report is under way: they do not pile up while the database is away. */
  beat(): void {
    this.#reporting ??= this.report()
      .catch(() => {})
      .finally(() => {
        this.#reporting = undefined
      })
  }

  /**
   * Stops, and reports the end after the last report, which would look like a living reporter.
   * @param last dropped, too, when it fails or takes too long
   */
  async end(last: () => Promise<void>): Promise<void> {
    clearInterval(this.#timer)
    const ending = Promise.resolve(this.#reporting).then(last)
    const inTime = new AbortController()
    await Promise.race([ending.catch(() => {}), pause(END_MS, undefined, { signal: inTime.signal }).catch(() => {})])
    inTime.abort()
  }
}
