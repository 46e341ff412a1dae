import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** More stays in a file. */
const MAX_MEMORY_BYTES = 8 * 1024 * 1024

/**
 * The CopyData messages of one COPY … FROM STDIN. The engine cannot wait for a client, so all of them are collected before
 * it reads the first one: in memory, then in a file of the data folder that has no name.
 */
export class CopyData {
  #memory: Buffer[] = []
  #memoryBytes = 0
  #fileBytes = 0
  #fd: number | undefined

  constructor(private readonly folder: string) {}

  /** @throws Error ENOSPC and the like */
  add(message: Buffer): void {
    this.#memory.push(message)
    this.#memoryBytes += message.length
    if (this.#memoryBytes > MAX_MEMORY_BYTES) this.#spill()
  }

  /** What the engine reads: a head, all messages, a tail. It uses three members of a Uint8Array. */
  input(head: Buffer, tail: Buffer): Uint8Array {
    const rest = Buffer.concat([...this.#memory, tail])
    const fileEnd = head.length + this.#fileBytes
    const fd = this.#fd
    const input = {
      0: head[0],
      length: fileEnd + rest.length,
      subarray(from: number, to: number): Uint8Array {
        if (to <= head.length) return head.subarray(from, to)
        if (from >= fileEnd) return rest.subarray(from - fileEnd, to - fileEnd)
        const bytes = Buffer.alloc(to - from)
        if (from < head.length) head.copy(bytes, 0, from)
        const start = Math.max(from, head.length)
        const end = Math.min(to, fileEnd)
        if (end > start) readSync(fd!, bytes, start - from, end - start, start - head.length)
        if (to > fileEnd) rest.copy(bytes, fileEnd - from, 0, to - fileEnd)
        return bytes
      },
    }
    return input as unknown as Uint8Array
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
    this.#memory = []
  }

  #spill(): void {
    if (this.#fd === undefined) {
      const path = join(this.folder, `copy-${process.pid}-${Math.random().toString(36).slice(2)}`)
      this.#fd = openSync(path, 'wx+', 0o600)
      unlinkSync(path)
    }
    for (const message of this.#memory) {
      for (let done = 0; done < message.length; )
        done += writeSync(this.#fd, message, done, message.length - done, this.#fileBytes + done)
      this.#fileBytes += message.length
    }
    this.#memory = []
    this.#memoryBytes = 0
  }
}
