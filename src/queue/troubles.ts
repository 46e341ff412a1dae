const SECOND = 1000

/** While a server is away every attempt fails the same way; the same trouble is told again only after this long. */
const QUIET_MS = 30 * SECOND

/** Passes errors on, each kind once in a while. */
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
