import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'

const BUFFER_BYTES = 1024 * 1024

/** A new file that is written from front to back through a buffer, except for what is known only at the end. */
export class ShardFile {
  readonly #buffer = Buffer.alloc(BUFFER_BYTES)
  #buffered = 0
  #flushed = 0

  private constructor(private readonly handle: FileHandle) {}

  /** @throws the error of the file system, also where a file is there already */
  static async create(path: string): Promise<ShardFile> {
    return new ShardFile(await open(path, 'wx'))
  }

  get bytes(): number {
    return this.#flushed + this.#buffered
  }

  async write(data: Uint8Array | string): Promise<void> {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data
    if (this.#buffered + bytes.length > BUFFER_BYTES) await this.#flush()
    if (bytes.length > BUFFER_BYTES) {
      await this.handle.writeFile(bytes)
      this.#flushed += bytes.length
      return
    }
    this.#buffer.set(bytes, this.#buffered)
    this.#buffered += bytes.length
  }

  /** Replaces bytes that were written. */
  async replace(position: number, bytes: Uint8Array): Promise<void> {
    await this.#flush()
    for (let done = 0; done < bytes.length; )
      done += (await this.handle.write(bytes, done, bytes.length - done, position + done)).bytesWritten
  }

  /** Resolves when the file is on the disk. */
  async close(): Promise<void> {
    await this.#flush()
    await this.handle.sync()
    await this.handle.close()
  }

  async abort(): Promise<void> {
    await this.handle.close().catch(() => {})
  }

  async #flush(): Promise<void> {
    await this.handle.writeFile(this.#buffer.subarray(0, this.#buffered))
    this.#flushed += this.#buffered
    this.#buffered = 0
  }
}

/** @returns the digest of a file, in hexadecimal digits */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: BUFFER_BYTES })) hash.update(chunk)
  return hash.digest('hex')
}

export const sha256OfBytes = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
