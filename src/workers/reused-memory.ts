const SMALLEST = 64 << 10
/** What is larger is not kept. */
const LARGEST = 16 << 20

/**
 * Memory for pixels and files that several threads read and write, used again: pages that are new to the process cost as much
 * time as ten copies into them, and V8 frees none for a hundred photos. What was not given back is collected as ever.
 */
export class ReusedMemory {
  /** By their size, a power of two. */
  readonly #free = new Map<number, SharedArrayBuffer[]>()

  /** @returns so many bytes of shared memory, with whatever was in them */
  take(bytes: number): Uint8Array {
    const size = 2 ** Math.ceil(Math.log2(Math.max(bytes, SMALLEST)))
    return new Uint8Array(this.#free.get(size)?.pop() ?? new SharedArrayBuffer(size), 0, bytes)
  }

  /** Takes back what `take` gave, once, and ignores all other memory. Nobody may look at it after that. */
  giveBack({ buffer }: Uint8Array): void {
    if (!(buffer instanceof SharedArrayBuffer) || buffer.byteLength > LARGEST) return
    const free = this.#free.get(buffer.byteLength)
    if (free) free.push(buffer)
    else this.#free.set(buffer.byteLength, [buffer])
  }
}
