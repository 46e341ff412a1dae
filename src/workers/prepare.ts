import { setMaxListeners } from 'node:events'
import pLimit, { type LimitFunction } from 'p-limit'
import { PhotoError } from '../domain/errors.js'
import type { ImageInput } from '../domain/image-input.js'
import type { PhotoRef } from '../domain/photo.js'
import type { Gate } from './gate.js'
import { outageOf } from './outage.js'
import type { StageClock } from './stage-clock.js'

/** The stages that one photo goes through by itself. Each rejects with PhotoError for what is the photo's own trouble. */
export interface ImagePipeline {
  download(photo: PhotoRef, signal: AbortSignal): Promise<Buffer>
  /** Keeps a compressed copy of an image that `preprocess` has decoded. @returns its key in the object store */
  storeCopy(image: Buffer, photoId: string): Promise<string>
  /**
   * Decodes, resizes, crops.
   * @param isKept whether `storeCopy` comes next
   * @returns RGB, row by row, [input.size, input.size, 3]
   */
  preprocess(image: Buffer, input: ImageInput, isKept: boolean): Promise<Uint8Array>
  /** Nobody looks at what `preprocess` gave any more: another photo's pixels may be put there. */
  release(pixels: Uint8Array): void
}

/**
 * What bounds the memory of a worker process, whatever the input and however many batches it handles at once. They are
 * shared by all batches and first come, first served, so that one batch downloads while another is encoded.
 */
export interface Limits {
  /** Photos between the start of their download and the end of storing their copy: so many bodies are in memory. */
  images: LimitFunction
  /** Photos decoded for the model at the same time. */
  decodes: LimitFunction
}

export function createLimits(options: { downloadConcurrency: number; decodeConcurrency: number }): Limits {
  return { images: pLimit(options.downloadConcurrency), decodes: pLimit(options.decodeConcurrency) }
}

export interface PreparedPhoto {
  photo: PhotoRef
  /** RGB, row by row, [input.size, input.size, 3] */
  pixels: Uint8Array
  storedKey: string | null
}

export interface FailedPhoto {
  photo: PhotoRef
  error: PhotoError
}

export interface PrepareDeps {
  pipeline: ImagePipeline
  limits: Limits
  gate: Pick<Gate, 'isAway' | 'failed' | 'worked'>
  clock: Pick<StageClock, 'time'>
}

/**
 * Stages download, preprocess and store copy for the photos of a batch. A photo that fails does so alone; any other error
 * stops the rest and rejects, once nothing of the batch is under way. While the object store is away nothing is downloaded
 * that could not be kept.
 */
export async function preparePhotos(
  photos: readonly PhotoRef[],
  { pipeline, limits, gate, clock }: PrepareDeps,
  options: { store: boolean; input: ImageInput; signal: AbortSignal },
): Promise<{ prepared: PreparedPhoto[]; failed: FailedPhoto[] }> {
  const { store, input } = options
  const broken = new AbortController()
  const signal = AbortSignal.any([options.signal, broken.signal])
  // Every download listens to it; Node takes more than ten listeners for a leak.
  setMaxListeners(0, signal)

  const keep = async (image: Buffer, photo: PhotoRef): Promise<string> => {
    try {
      const key = await clock.time('store_copy', () => pipeline.storeCopy(image, photo.id))
      gate.worked('store')
      return key
    } catch (error) {
      if (outageOf(error) === 'store') gate.failed('store', error, photo.id)
      throw error
    }
  }

  const prepareOne = async (photo: PhotoRef): Promise<PreparedPhoto | FailedPhoto> => {
    try {
      signal.throwIfAborted()
      if (store && gate.isAway('store')) throw new PhotoError('STORE_FAILED', 'not tried, since the store is away')
      const image = await clock.time('download', () => pipeline.download(photo, signal))
      signal.throwIfAborted()
      // First, since what cannot be decoded is not kept either; and a copy may be made without decoding.
      const pixels = await limits.decodes(() =>
        clock.time('preprocess', () => pipeline.preprocess(image, input, store)),
      )
      signal.throwIfAborted()
      const storedKey = store ? await keep(image, photo) : null
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
