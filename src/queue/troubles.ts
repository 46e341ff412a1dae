import { SECOND } from '../domain/units.js'

/** During an outage every attempt fails the same way, so the same error is reported again only after this time. */
const QUIET_MS = 30 * SECOND

/** Passes errors on, but repeats each kind only occasionally. */
export class Troubles {
  readonly #tell: (error: Error) => void
  readonly #toldAt = new Map<string, number>()

  constructor(tell: (error: Error) => void) {
    this.#tell = tell
  }

  report(error: Error): void {
    const now = Date.now()
    const kind = `${error.name}: ${error.message}`
    if (now - (this.#toldAt.get(kind) ?? Number.NEGATIVE_INFINITY) < QUIET_MS) return
    if (this.#toldAt.size > 100) this.#toldAt.clear()
    this.#toldAt.set(kind, now)
    this.#tell(error)
  }
}
