import { setMaxListeners } from 'node:events'
import pLimit, { type LimitFunction } from 'p-limit'
import { PhotoError } from '../domain/errors.js'
import type { PhotoRef } from '../domain/photo.js'

/** The stages that one photo goes through by itself. Each rejects with PhotoError for what is the photo's own trouble. */
export interface ImagePipeline {
  download(photo: PhotoRef, signal: AbortSignal): Promise<Buffer>
  /** Keeps a compressed copy. @returns its key in the object store */
  storeCopy(image: Buffer, photoId: string): Promise<string>
  /** Decodes, resizes, crops. @returns RGB, row by row, [imageSize, imageSize, 3] */
  preprocess(image: Buffer): Promise<Uint8Array>
}

/**
 * What bounds the memory of a worker process, whatever the input and however many batches it handles at once. They are
 * shared by all batches and first come, first served, so that one batch downloads while another is encoded.
 */
export interface Limits {
  /** Photos between the start of their download and the end of their preprocessing: so many bodies are in memory. */
  images: LimitFunction
  /** Photos decoded for the model at the same time. */
  decodes: LimitFunction
}

export function createLimits(options: { downloadConcurrency: number; decodeConcurrency: number }): Limits {
  return { images: pLimit(options.downloadConcurrency), decodes: pLimit(options.decodeConcurrency) }
}

export interface PreparedPhoto {
  photo: PhotoRef
  /** RGB, row by row, [imageSize, imageSize, 3] */
  pixels: Uint8Array
  storedKey: string | null
}

export interface FailedPhoto {
  photo: PhotoRef
  error: PhotoError
}

/**
 * Stages download, store copy and preprocess for the photos of a batch. A photo that fails does so alone; any other error
 * stops the rest and rejects, once nothing of the batch is under way.
 */
export async function preparePhotos(
  photos: readonly PhotoRef[],
  options: { pipeline: ImagePipeline; limits: Limits; store: boolean; signal: AbortSignal },
): Promise<{ prepared: PreparedPhoto[]; failed: FailedPhoto[] }> {
  const { pipeline, limits, store } = options
  const broken = new AbortController()
  const signal = AbortSignal.any([options.signal, broken.signal])
  // Every download listens to it; Node takes more than ten listeners for a leak.
  setMaxListeners(0, signal)

  const prepareOne = async (photo: PhotoRef): Promise<PreparedPhoto | FailedPhoto> => {
    try {
      signal.throwIfAborted()
      const image = await pipeline.download(photo, signal)
      signal.throwIfAborted()
      const storedKey = store ? await pipeline.storeCopy(image, photo.id) : null
      const pixels = await limits.decodes(() => pipeline.preprocess(image))
      return { photo, pixels, storedKey }
    } catch (error) {
      if (error instanceof PhotoError && !signal.aborted) return { photo, error }
      broken.abort(error)
      throw error
    }
  }

  const outcomes = await Promise.allSettled(photos.map(photo => limits.images(() => prepareOne(photo))))
  options.signal.throwIfAborted()
  broken.signal.throwIfAborted()
  const values = outcomes.flatMap(outcome => (outcome.status === 'fulfilled' ? [outcome.value] : []))
  return {
    prepared: values.filter(value => 'pixels' in value),
    failed: values.filter(value => 'error' in value),
  }
}
