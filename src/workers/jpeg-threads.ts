import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import pLimit from 'p-limit'
import { Piscina } from 'piscina'
import { packageRoot } from '../package-root.js'
import type { DecodedJpeg, SquareOfImage } from './jpeg-square.js'

const IDLE_MS = 60_000
const MIB = 1 << 20
/** Room for larger files is not kept. */
const MAX_BYTES_KEPT = 16 * MIB

/** `jpegSquare` in threads of their own, as many as there are photos at once and at most one a core: the main one stays free. */
export class JpegThreads {
  readonly #pool = new Piscina({
    filename: join(packageRoot(), 'dist', 'src', 'workers', 'jpeg-thread.js'),
    minThreads: 0,
    maxThreads: availableParallelism(),
    idleTimeout: IDLE_MS,
    // Waiting for work in a way that costs less latency costs more of the processor.
    atomics: 'disabled',
    recordTiming: false,
  })
  readonly #limit = pLimit(availableParallelism())
  /** Where files lie while a thread reads them, used again: memory that is new for each costs more than copying does. */
  readonly #rooms: SharedArrayBuffer[] = []

  async square(image: Uint8Array, wanted: SquareOfImage): Promise<DecodedJpeg | null> {
    return await this.#limit(async () => {
      const room = this.#roomFor(image.length)
      const file = new Uint8Array(room, 0, image.length)
      file.set(image)
      try {
        return await this.#pool.run({ image: file, wanted })
      } finally {
        if (room.byteLength <= MAX_BYTES_KEPT) this.#rooms.push(room)
      }
    })
  }

  async close(): Promise<void> {
    await this.#pool.close()
  }

  #roomFor(bytes: number): SharedArrayBuffer {
    const room = this.#rooms.pop()
    return room && room.byteLength >= bytes ? room : new SharedArrayBuffer(Math.ceil(bytes / MIB) * MIB)
  }
}
