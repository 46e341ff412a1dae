/**
 * Opens each part once and closes all of them in reverse order.
 *
 * `once` shares one promise per name. A part that fails to open is forgotten, so the next call tries again. A part
 * registers its own `onClose` after it has opened; `close` runs every registered function, also when some reject.
 */
export class Lifecycle {
  readonly #opened = new Map<string, Promise<unknown>>()
  readonly #closers: (() => unknown)[] = []

  /** @param name unique per part: equal names share the part that was opened first */
  once<T>(name: string, open: () => Promise<T>): Promise<T> {
    const before = this.#opened.get(name) as Promise<T> | undefined
    if (before) return before
    const opened = open()
    this.#opened.set(name, opened)
    opened.catch(() => this.#opened.delete(name))
    return opened
  }

  onClose(close: () => unknown): void {
    this.#closers.push(close)
  }

  /** @throws AggregateError with every error, after all parts were closed */
  async close(): Promise<void> {
    const errors: unknown[] = []
    for (let close = this.#closers.pop(); close; close = this.#closers.pop())
      try {
        await close()
      } catch (error) {
        errors.push(error)
      }
    if (errors.length > 0)
      throw new AggregateError(
        errors,
        `${errors.length} parts of the application could not be closed: ${errors.join('; ')}`,
      )
  }
}
