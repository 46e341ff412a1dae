import { availableParallelism } from 'node:os'
import pLimit from 'p-limit'
import { Piscina } from 'piscina'
import { SharedMemoryPool } from '../domain/shared-memory-pool.js'
import { builtFile } from '../package-root.js'
import type { CropThreads } from './decode.js'
import type { CropRequest, DecodedJpeg } from './jpeg-crop.js'
import type { Task } from './jpeg-thread.js'

const IDLE_MS = 60_000

/**
 * Runs `decodeJpegCrop` in worker threads, at most one per core, so that the main thread stays free. A file is copied
 * into memory of both threads, and the thread writes the pixels there. That happens once a thread is free: a photo that
 * waits holds no memory. The square and the preview belong to the caller, who may release them.
 */
export class JpegThreads implements CropThreads {
  readonly #pool = new Piscina<Task, boolean>({
    filename: builtFile('images/jpeg-thread.js'),
    minThreads: 0,
    maxThreads: availableParallelism(),
    idleTimeout: IDLE_MS,
    // Waiting with atomics has a lower latency and takes more of the processor.
    atomics: 'disabled',
    recordTiming: false,
  })
  readonly #limit = pLimit(availableParallelism())
  readonly #memory = new SharedMemoryPool()

  async decode(image: Uint8Array, request: CropRequest): Promise<DecodedJpeg | null> {
    return await this.#limit(async () => {
      const { size, preview } = request
      const file = this.#memory.take(image.length)
      file.set(image)
      const into: DecodedJpeg = { square: this.#memory.take(size * size * 3) }
      if (preview) into.preview = this.#memory.take(preview.width * preview.height * 3)
      let isDecoded = false
      try {
        isDecoded = await this.#pool.run({ image: file, request, into })
        return isDecoded ? into : null
      } finally {
        this.release(file)
        if (!isDecoded) for (const pixels of Object.values(into)) this.release(pixels)
      }
    })
  }

  release(pixels: Uint8Array): void {
    this.#memory.release(pixels)
  }

  async close(): Promise<void> {
    await this.#pool.close()
  }
}
