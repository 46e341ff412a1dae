import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { Piscina } from 'piscina'
import { packageRoot } from '../package-root.js'
import type { DecodedJpeg, SquareOfImage } from './jpeg-square.js'

const IDLE_MS = 60_000

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

  async square(image: Uint8Array, wanted: SquareOfImage): Promise<DecodedJpeg | null> {
    // A copy to give away: the file is kept, and may share its memory with others.
    const copy = new Uint8Array(image)
    return await this.#pool.run({ image: copy, wanted }, { transferList: [copy.buffer] })
  }

  async close(): Promise<void> {
    await this.#pool.close()
  }
}
