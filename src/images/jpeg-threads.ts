import { availableParallelism } from 'node:os'
import pLimit from 'p-limit'
import { Piscina } from 'piscina'
import { AppError } from '../domain/errors.js'
import { SharedMemoryPool } from '../domain/shared-memory-pool.js'
import { builtFile } from '../package-root.js'
import type { CropThreads } from './decode.js'
import type { CropRequest, DecodedJpeg } from './jpeg-crop.js'
import type { Task } from './jpeg-thread.js'

const IDLE_MS = 60_000
/** A task that loads the decoder and does nothing else. */
const NOTHING: CropRequest = {
  sourceRegion: { left: 0, top: 0, width: 1, height: 1 },
  width: 1,
  height: 1,
  left: 0,
  top: 0,
  size: 1,
  kernel: 'bicubic',
}

/**
 * Runs `decodeJpegCrop` in worker threads, at most one per core, so that the main thread stays free. A file is copied
 * into memory of both threads, and the thread writes the pixels there. That happens once a thread is free: a photo that
 * waits holds no memory. The square and the preview belong to the caller, who may release them.
 */
export class JpegThreads implements CropThreads {
  readonly #pool: Piscina<Task, boolean>
  readonly #limit = pLimit(availableParallelism())
  readonly #memory = new SharedMemoryPool()
  #noThread = new AbortController()

  /** @param module that the threads load, built */
  constructor(private readonly module = builtFile('images/jpeg-thread.js')) {
    this.#pool = new Piscina<Task, boolean>({
      filename: module,
      minThreads: 0,
      maxThreads: availableParallelism(),
      idleTimeout: IDLE_MS,
      // Waiting with atomics has a lower latency and takes more of the processor.
      atomics: 'disabled',
      recordTiming: false,
    })
    this.#pool.on('error', cause => this.#lost(cause))
  }

  /**
   * Checks that a thread starts and loads the decoder.
   * @throws AppError WORKER_FAILED
   */
  async start(): Promise<void> {
    await this.decode(new Uint8Array(0), NOTHING)
  }

  /**
   * @returns null for what {@link decodeJpegCrop} leaves to libvips
   * @throws AppError WORKER_FAILED when no thread can start; the next call tries again
   */
  async decode(image: Uint8Array, request: CropRequest): Promise<DecodedJpeg | null> {
    return await this.#limit(async () => {
      const { size, preview } = request
      const file = this.#memory.take(image.length)
      file.set(image)
      const into: DecodedJpeg = { square: this.#memory.take(size * size * 3) }
      if (preview) into.preview = this.#memory.take(preview.width * preview.height * 3)
      let isDecoded = false
      try {
        isDecoded = await this.#run({ image: file, request, into })
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

  async #run(task: Task): Promise<boolean> {
    const { signal } = this.#noThread
    try {
      return await this.#pool.run(task, { signal })
    } catch (error) {
      throw signal.aborted ? signal.reason : error
    }
  }

  /** Piscina keeps a task for the next thread when one ends before its first task, and starts no other for it. */
  #lost(cause: Error): void {
    if (this.#pool.threads.length > 0) return
    const error = new AppError(
      'WORKER_FAILED',
      `Expected a thread that decodes JPEGs to start, found that ${this.module} cannot be loaded: ${cause.message}. Install unsplash-clip again, or let libvips decode JPEGs, which is slower: JPEG_DECODER=libvips`,
      { cause },
    )
    this.#noThread.abort(error)
    this.#noThread = new AbortController()
  }
}
