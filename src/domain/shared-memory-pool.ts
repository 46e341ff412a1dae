const SMALLEST = 64 << 10
/** Larger buffers are not kept. */
const LARGEST = 16 << 20

/**
 * Shared memory for files and pixels that several threads read and write. Buffers are used again, because fresh pages
 * cost as much as ten copies into them, and V8 frees none for a hundred photos. A buffer that is not released is
 * garbage, as any other: forgetting to release one costs time and leaks nothing.
 */
export class SharedMemoryPool {
  /** By size, a power of two. */
  readonly #free = new Map<number, SharedArrayBuffer[]>()

  /** @returns shared memory of that size, with arbitrary content */
  take(bytes: number): Uint8Array {
    const size = 2 ** Math.ceil(Math.log2(Math.max(bytes, SMALLEST)))
    return new Uint8Array(this.#free.get(size)?.pop() ?? new SharedArrayBuffer(size), 0, bytes)
  }

  /** Takes back the result of `take`, once; it must not be used after that. Ignores memory that is not shared. */
  release({ buffer }: Uint8Array): void {
    if (!(buffer instanceof SharedArrayBuffer) || buffer.byteLength > LARGEST) return
    const free = this.#free.get(buffer.byteLength)
    if (free) free.push(buffer)
    else this.#free.set(buffer.byteLength, [buffer])
  }
}
