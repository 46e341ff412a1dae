/** Keeps the most recently used buffers, up to a number of bytes. */
export class RecentBuffers {
  readonly #kept = new Map<string, Buffer>()
  #bytes = 0

  constructor(private readonly maxBytes: number) {}

  get(key: string): Buffer | undefined {
    const found = this.#kept.get(key)
    if (found === undefined) return undefined
    this.#kept.delete(key)
    this.#kept.set(key, found)
    return found
  }

  put(key: string, value: Buffer): void {
    this.#drop(key)
    if (value.length > this.maxBytes) return
    this.#kept.set(key, value)
    this.#bytes += value.length
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= this.maxBytes) return
      this.#drop(oldest)
    }
  }

  clear(): void {
    this.#kept.clear()
    this.#bytes = 0
  }

  #drop(key: string): void {
    this.#bytes -= this.#kept.get(key)?.length ?? 0
    this.#kept.delete(key)
  }
}
