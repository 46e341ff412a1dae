import pLimit, { type LimitFunction } from 'p-limit'
import type { Logger } from 'pino'
import { HostPausedError, OutOfReachError, PhotoError } from '../../domain/errors.js'
import { type ImageInput, squareBytes } from '../../domain/image-input.js'
import type { FileMetadata, PhotoRef } from '../../domain/photo.js'
import { keyOfCopyUrl } from '../../domain/places/copy-key.js'
import type { PhotoVersion } from '../../domain/places/photo-version.js'
import type { FileOrigin, KnownPlace } from '../../domain/ports/place-repository.js'
import type { EmbeddedVersion } from '../../domain/ports/repository.js'
import { anySignal } from '../../domain/signals/any-signal.js'
import type { DecodedPhoto } from '../../images/decode.js'
import type { Preview } from '../../images/preview.js'
import { suspectsNetwork } from '../../net/network-check.js'
import { type Permit, permitOf, Semaphore } from '../../net/semaphore.js'
import type { CircuitBreaker } from '../delivery/circuit-breaker.js'
import { outageOf } from '../delivery/outage.js'
import { failureOfPhoto } from '../photo-failure.js'
import { type Downloaded, isCopy, isLocal } from './download.js'
import type { StageClock } from './stage-clock.js'

/**
 * The stages that each photo passes separately. Each rejects with PhotoError for a failure of the photo; `download` with
 * HostPausedError while the host is paused.
 */
export interface ImagePipeline {
  /**
   * Takes the permit when the host may be asked, so that a photo that waits for its host holds none. Rejects with
   * OutOfReachError for a file of a folder that this worker cannot read.
   * @param origin for a file
   * @param known the version that was embedded
   * @returns no image when it is the known version
   */
  download(
    photo: PhotoRef,
    signal: AbortSignal,
    permit: Permit,
    origin: FileOrigin,
    known?: PhotoVersion | null,
  ): Promise<Downloaded>
  /** Returns why a download would be postponed now; null: it would not. */
  pausedFor(photo: PhotoRef): HostPausedError | null
  /** Returns why downloads from the paused hosts would be postponed now. */
  pausedHosts(): HostPausedError[]
  /**
   * Decodes, resizes, crops.
   * @param isKept whether `storeCopy` comes next: only then there may be a preview
   */
  decode(image: Buffer, input: ImageInput, isKept: boolean): Promise<DecodedPhoto>
  /** What the file of an own photo says about it; null for a photo of a host. Never rejects. */
  readMetadata(photo: PhotoRef, image: Buffer, size: DecodedPhoto['photo']): Promise<FileMetadata | null>
  /**
   * Keeps a compressed copy of a photo.
   * @param source the preview or the copy that `decode` gave, or else the image that it accepted
   * @param replace also if there is one: of an earlier version
   * @returns its key in the object store
   */
  storeCopy(source: Buffer | Preview, photoId: string, replace: boolean): Promise<string>
  /** The key under which {@link storeCopy} keeps the copy of a photo. */
  copyKey(photoId: string): string
  /** Takes back the pixels of a square or a preview: another photo's may then lie there. */
  release(pixels: Uint8Array): void
}

/**
 * Limits on the memory of a worker process, whatever the input and the number of batches under way. All batches share
 * them, first come, first served, so that one batch downloads while another is encoded.
 */
export interface Limits {
  /** Photos between the start of their download and the end of storing their copy: bounds the bodies in memory. */
  images: Semaphore
  /** Photos decoded at the same time. */
  decodes: LimitFunction
}

export function createLimits(options: { downloadConcurrency: number; decodeConcurrency: number }): Limits {
  return { images: new Semaphore(options.downloadConcurrency), decodes: pLimit(options.decodeConcurrency) }
}

export interface PreparedPhoto {
  photo: PhotoRef
  /** RGB, row by row, [input.size, input.size, 3] */
  pixels: Uint8Array
  storedKey: string | null
  metadata: FileMetadata | null
  version: PhotoVersion | null
}

/** An embedded photo whose image is still the same. */
export interface UnchangedPhoto {
  photo: PhotoRef
  unchanged: PhotoVersion
}

export interface FailedPhoto {
  photo: PhotoRef
  error: PhotoError
}

/** A photo of a folder that this worker cannot read. Another worker may. */
export interface OutOfReachPhoto {
  photo: PhotoRef
  outOfReach: OutOfReachError
}

/** Thrown for a photo that is not tried, because there is no network. */
const OFFLINE = new Error('no network')

/** A photo that was not tried, or in vain because there is no network. No attempt counts. */
export interface PostponedPhoto {
  photo: PhotoRef
  /** Why: its host is paused, there is no network, or the worker ends. */
  cause: HostPausedError | 'no network' | 'the worker ends'
}

export interface PrepareDeps {
  pipeline: ImagePipeline
  limits: Limits
  breaker: Pick<CircuitBreaker, 'isOpen' | 'recordFailure' | 'recordSuccess'>
  clock: Pick<StageClock, 'time'>
  /** Gets what a stage threw that is no PhotoError, with its stack. */
  logger: Pick<Logger, 'error'>
}

/**
 * Stages download, preprocess and store copy for the photos of a batch. A photo that fails does so alone, whatever its
 * stage threw. A service that is away and the abort of the signal stop the rest: the call rejects once nothing of the batch
 * is under way. While the object store is away nothing is downloaded that could not be kept. Photos of paused hosts, and
 * after `leave` all that are not under way, are postponed at once; so are photos of hosts while there is no network.
 */
export async function preparePhotos(
  photos: readonly PhotoRef[],
  { pipeline, limits, breaker, clock, logger }: PrepareDeps,
  options: {
    store: boolean
    input: ImageInput
    /** Places of the photos that are identified by their content, by photo id. */
    places?: ReadonlyMap<string, readonly KnownPlace[]>
    /** Machine that ingested the batch; undefined: unknown. */
    host?: string
    /** The embedded photos of a batch that refreshes them. Their copies are replaced, also in a run that stores none. */
    embedded?: ReadonlyMap<string, EmbeddedVersion>
    signal: AbortSignal
    leave: AbortSignal
  },
): Promise<{
  prepared: PreparedPhoto[]
  unchanged: UnchangedPhoto[]
  failed: FailedPhoto[]
  postponed: PostponedPhoto[]
  outOfReach: OutOfReachPhoto[]
}> {
  const { input, places, host, embedded, leave } = options
  const stores = ({ id }: PhotoRef) => options.store || (embedded?.get(id)?.hasCopy ?? false)
  const broken = new AbortController()
  const signal = anySignal([options.signal, broken.signal])
  /** Of the photos whose download has not begun. */
  const waiting = new Set<AbortController>()
  const letGo = () => {
    for (const own of waiting) own.abort(leave.reason)
  }
  leave.addEventListener('abort', letGo, { once: true })

  const keep = async (source: Buffer | Preview, photo: PhotoRef): Promise<string> => {
    try {
      const key = await clock.time('store_copy', () => pipeline.storeCopy(source, photo.id, embedded !== undefined))
      breaker.recordSuccess('store')
      return key
    } catch (error) {
      if (outageOf(error) === 'store') breaker.recordFailure('store', error, photo.id)
      throw error
    }
  }

  /** Stores the copy. Releases the preview, and if anything fails, the square. @returns the key of the copy */
  const finish = async (
    photo: PhotoRef,
    image: Buffer,
    { square, preview, copy }: DecodedPhoto,
  ): Promise<string | null> => {
    try {
      signal.throwIfAborted()
      if (square.length !== squareBytes(input))
        throw new RangeError(`expected ${squareBytes(input)} bytes of pixels, found ${square.length}`)
      const key = keyOfCopyUrl(photo.url)
      if (key !== null) return key
      return stores(photo) ? await keep(preview ?? copy ?? image, photo) : null
    } catch (error) {
      pipeline.release(square)
      throw error
    } finally {
      if (preview) pipeline.release(preview.data)
    }
  }

  /** Downloads a photo, unless the worker ends before the download has begun. The time it waits is not measured. */
  const download = async (photo: PhotoRef, permit: Permit): Promise<Downloaded> => {
    const own = new AbortController()
    if (leave.aborted) throw leave.reason
    waiting.add(own)
    const either = anySignal([signal, own.signal])
    let ended: () => void = () => {}
    const taking: Permit = {
      give: permit.give,
      async take(until) {
        await permit.take(until)
        if (waiting.delete(own)) void clock.time('download', () => new Promise<void>(resolve => (ended = resolve)))
      },
    }
    try {
      const downloaded = await pipeline.download(
        photo,
        either,
        taking,
        { places: places?.get(photo.id), host },
        embedded?.get(photo.id)?.version,
      )
      if (isCopy(photo)) breaker.recordSuccess('store')
      return downloaded
    } catch (error) {
      if (isCopy(photo) && !signal.aborted && outageOf(error) === 'store')
        breaker.recordFailure('store', error, photo.id)
      throw error
    } finally {
      either.clear()
      waiting.delete(own)
      ended()
    }
  }

  const prepareOne = async (
    photo: PhotoRef,
  ): Promise<PreparedPhoto | UnchangedPhoto | FailedPhoto | PostponedPhoto | OutOfReachPhoto> => {
    const permit = permitOf(limits.images, () => {
      if ((stores(photo) || isCopy(photo)) && breaker.isOpen('store'))
        throw new PhotoError('STORE_FAILED', 'not tried, since the store is away')
      if (breaker.isOpen('network') && !isLocal(photo)) throw OFFLINE
    })
    try {
      signal.throwIfAborted()
      const { image, version } = await download(photo, permit)
      signal.throwIfAborted()
      if (image === null) return { photo, unchanged: version! }
      // Decodes first: an image that cannot be decoded is not kept, and a copy may be made without decoding.
      const isKept = stores(photo) && !isCopy(photo)
      const decoded = await limits.decodes(() => clock.time('preprocess', () => pipeline.decode(image, input, isKept)))
      const metadata = await pipeline.readMetadata(photo, image, decoded.photo)
      return { photo, pixels: decoded.square, storedKey: await finish(photo, image, decoded), metadata, version }
    } catch (error) {
      if (!signal.aborted && error === OFFLINE) return { photo, cause: 'no network' }
      if (!signal.aborted && error instanceof OutOfReachError) return { photo, outOfReach: error }
      if (!signal.aborted && error instanceof HostPausedError) return { photo, cause: error }
      if (!signal.aborted && leave.aborted && error === leave.reason) return { photo, cause: 'the worker ends' }
      const failure = signal.aborted ? null : failureOfPhoto(error)
      if (failure === null) {
        broken.abort(error)
        throw error
      }
      if (suspectsNetwork(failure)) breaker.recordFailure('network', failure)
      if (failure !== error) logger.error({ err: error, photo: photo.id }, 'unexpected error in a stage of one photo')
      return { photo, error: failure }
    } finally {
      permit.give()
    }
  }

  const outcomes = await Promise.allSettled(photos.map(prepareOne))
  signal.clear()
  leave.removeEventListener('abort', letGo)
  const values = outcomes.flatMap(outcome => (outcome.status === 'fulfilled' ? [outcome.value] : []))
  const prepared = values.filter(value => 'pixels' in value)
  if (signal.aborted) for (const { pixels } of prepared) pipeline.release(pixels)
  options.signal.throwIfAborted()
  broken.signal.throwIfAborted()
  return {
    prepared,
    unchanged: values.filter(value => 'unchanged' in value),
    failed: values.filter(value => 'error' in value),
    postponed: values.filter(value => 'cause' in value),
    outOfReach: values.filter(value => 'outOfReach' in value),
  }
}
