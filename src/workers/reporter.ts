import { setTimeout as pause } from 'node:timers/promises'
import type { RunRepository, WorkerReport } from '../domain/ports/run-repository.js'

const SECOND = 1000
const EVERY_MS = 5 * SECOND
/** A worker that ends waits so long for the database to take note. */
const LEAVE_MS = 2 * SECOND

/** Says every few seconds what a worker does. A report that cannot be made is left out. */
export class Reporter {
  readonly #timer: NodeJS.Timeout
  #reporting: Promise<void> | undefined

  constructor(
    private readonly reports: Pick<RunRepository, 'report' | 'leave'>,
    private readonly now: () => WorkerReport,
  ) {
    this.#timer = setInterval(() => this.#report(), EVERY_MS)
    this.#report()
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    const left = new AbortController()
    // After the last report, which would bring it back.
    const leaving = Promise.resolve(this.#reporting).then(() => this.reports.leave(this.now().id))
    await Promise.race([leaving.catch(() => {}), pause(LEAVE_MS, undefined, { signal: left.signal }).catch(() => {})])
    left.abort()
  }

  /** One at a time: while the database is away they do not pile up. */
  #report(): void {
    this.#reporting ??= this.reports
      .report(this.now())
      .catch(() => {})
      .finally(() => {
        this.#reporting = undefined
      })
  }
}
