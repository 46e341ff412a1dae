import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import pLimit from 'p-limit'
import { Piscina } from 'piscina'
import { packageRoot } from '../package-root.js'
import type { DecodedJpeg, SquareOfImage } from './jpeg-square.js'
import type { Task } from './jpeg-thread.js'
import { ReusedMemory } from './reused-memory.js'

const IDLE_MS = 60_000

/** `jpegSquare` in threads of their own, as many as there are photos at once and at most one a core: the main one stays free. */
export class JpegThreads {
  readonly #pool = new Piscina<Task, boolean>({
    filename: join(packageRoot(), 'dist', 'src', 'workers', 'jpeg-thread.js'),
    minThreads: 0,
    maxThreads: availableParallelism(),
    idleTimeout: IDLE_MS,
    // Waiting for work in a way that costs less latency costs more of the processor.
    atomics: 'disabled',
    recordTiming: false,
  })
  readonly #limit = pLimit(availableParallelism())
  readonly #memory = new ReusedMemory()

  async square(image: Uint8Array, wanted: SquareOfImage): Promise<DecodedJpeg | null> {
    return await this.#limit(async () => {
      const { size, picture } = wanted
      const file = this.#memory.take(image.length)
      file.set(image)
      const into: DecodedJpeg = { square: this.#memory.take(size * size * 3) }
      if (picture) into.picture = this.#memory.take(picture.width * picture.height * 3)
      try {
        if (await this.#pool.run({ image: file, wanted, into })) return into
        for (const pixels of Object.values(into)) this.release(pixels)
        return null
      } finally {
        this.release(file)
      }
    })
  }

  /** Pixels that are not looked at any more: the next photo's may be put where they are. */
  release(pixels: Uint8Array): void {
    this.#memory.giveBack(pixels)
  }

  async close(): Promise<void> {
    await this.#pool.close()
  }
}
