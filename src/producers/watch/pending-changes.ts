/** Paths that changed and are not looked at yet. A path is ready when nothing has happened to it for a while. */
export class PendingChanges {
  /** When the last change of a path was seen, the earliest first. */
  readonly #changedAt = new Map<string, number>()

  /** @param quietMs time without a change after which a path is ready */
  constructor(private readonly quietMs: number) {}

  get size(): number {
    return this.#changedAt.size
  }

  add(path: string, atMs = Date.now()): void {
    // Goes to the end.
    this.#changedAt.delete(path)
    this.#changedAt.set(path, atMs)
  }

  /** Takes the paths that are ready. */
  take(nowMs = Date.now()): string[] {
    const ready: string[] = []
    for (const [path, atMs] of this.#changedAt) {
      if (atMs + this.quietMs > nowMs) break
      ready.push(path)
    }
    for (const path of ready) this.#changedAt.delete(path)
    return ready
  }

  clear(): void {
    this.#changedAt.clear()
  }
}
