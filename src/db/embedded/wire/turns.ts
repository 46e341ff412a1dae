interface Waiting {
  owner: object
  start: () => void
  refuse: (error: Error) => void
}

/** A client asked to cancel what it waits for. */
export class Canceled extends Error {}

/** One owner at a time has the engine, for as many statements as it needs; the others wait in the order they came. */
export class Turns {
  #owner: object | null = null
  readonly #queue: Waiting[] = []

  get waiting(): number {
    return this.#queue.length
  }

  isOwnedBy(owner: object): boolean {
    return this.#owner === owner
  }

  /** Resolves at once for the owner. @throws Canceled */
  take(owner: object): Promise<void> {
    if (this.#owner === owner) return Promise.resolve()
    return new Promise((start, refuse) => {
      this.#queue.push({ owner, start, refuse })
      this.#next()
    })
  }

  /** @returns whether the engine is free for the owner at once */
  tryTake(owner: object): boolean {
    if (this.#owner !== null || this.#queue.length > 0) return false
    this.#owner = owner
    return true
  }

  release(owner: object): void {
    if (this.#owner !== owner) return
    this.#owner = null
    this.#next()
  }

  cancel(owner: object): void {
    const index = this.#queue.findIndex(waiting => waiting.owner === owner)
    if (index !== -1) this.#queue.splice(index, 1)[0]!.refuse(new Canceled())
  }

  #next(): void {
    if (this.#owner !== null) return
    const next = this.#queue.shift()
    if (next === undefined) return
    this.#owner = next.owner
    next.start()
  }
}
