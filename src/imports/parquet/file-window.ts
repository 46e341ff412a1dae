import type { FileHandle } from 'node:fs/promises'

/** Bytes read at once: pages have about a megabyte. */
const WINDOW_BYTES = 1 << 20

/** Reads a range of a file from its start to its end, a window at a time. */
export class FileWindow {
  #bytes: Buffer = Buffer.alloc(0)
  /** Position of the first byte of the window. */
  #start: number

  constructor(
    private readonly file: FileHandle,
    start: number,
    private readonly end: number,
  ) {
    this.#start = start
  }

  get isAtEnd(): boolean {
    return this.#start >= this.end
  }

  /** Bytes until the end. */
  get left(): number {
    return this.end - this.#start
  }

  /** The next bytes, without consuming them: `length`, or all that are left. @throws Error when the file is shorter */
  async peek(length: number): Promise<Buffer> {
    const wanted = Math.min(length, this.left)
    if (this.#bytes.length < wanted) {
      const size = Math.min(Math.max(wanted, WINDOW_BYTES), this.left)
      // A buffer of its own each time: pages may keep views of it.
      const bytes = Buffer.allocUnsafeSlow(size)
      let done = this.#bytes.copy(bytes)
      while (done < size) {
        const { bytesRead } = await this.file.read(bytes, done, size - done, this.#start + done)
        if (bytesRead === 0) throw new Error(`the file ends at byte ${this.#start + done}`)
        done += bytesRead
      }
      this.#bytes = bytes
    }
    return this.#bytes.subarray(0, wanted)
  }

  /** @throws Error when fewer are left */
  async take(length: number): Promise<Buffer> {
    if (length > this.left) throw new Error(`a page of ${length} bytes where ${this.left} are left`)
    const bytes = await this.peek(length)
    this.skip(length)
    return bytes
  }

  skip(length: number): void {
    this.#start += length
    this.#bytes = this.#bytes.subarray(Math.min(length, this.#bytes.length))
  }
}
