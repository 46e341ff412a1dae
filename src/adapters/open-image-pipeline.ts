import type { Logger } from 'pino'
import type { Config } from '../config.js'
import type { ObjectStore } from '../domain/ports/object-store.js'
import type { GuardedFetcher } from '../net/fetch.js'
import type { JpegThreads } from '../workers/jpeg-threads.js'
import type { ImagePipeline } from '../workers/prepare.js'
import type { PreprocessOptions, SmallerImage } from '../workers/preprocess.js'

export interface ImagePipelineParts {
  fetcher: GuardedFetcher
  threads: JpegThreads
  store: ObjectStore
  logger: Logger
}

/** The stages one photo goes through by itself. */
export async function openImagePipeline(
  config: Config,
  { fetcher, threads, store, logger }: ImagePipelineParts,
): Promise<ImagePipeline> {
  const { default: sharp } = await import('sharp')
  const { download } = await import('../workers/download.js')
  const { preprocess } = await import('../workers/preprocess.js')
  const { MAX_PIXELS_IN_MEMORY, PixelBudget } = await import('../workers/pixel-budget.js')
  const { storeCopy } = await import('../workers/store-copy.js')
  const ignoreOptOut = config.IGNORE_OPT_OUT
  if (ignoreOptOut) logger.warn('images are taken although their servers opt out: IGNORE_OPT_OUT')
  const downloading = { fetcher, ignoreOptOut, allowFolders: config.ALLOW_FOLDERS, maxBytes: config.MAX_IMAGE_BYTES }
  const maxPixels = config.MAX_IMAGE_PIXELS
  const mode = config.PREPROCESS
  if (mode === 'fast') logger.warn('PREPROCESS=fast: vectors differ a little from those made of exact pixels')
  const jpegSquare: PreprocessOptions['jpegSquare'] = (image, wanted) => threads.square(image, wanted)
  const budget = new PixelBudget(MAX_PIXELS_IN_MEMORY)
  const copy = { height: config.COPY_HEIGHT, quality: config.COPY_QUALITY, maxPixels, budget }
  // One thread a photo: photos are decoded side by side. A cache of images that are never seen again is only memory.
  sharp.concurrency(1)
  sharp.cache(false)
  /** Of photos that came out as a picture to make their copy of: decoding them again takes as long. */
  const smallerOf = new WeakMap<Uint8Array, SmallerImage>()
  return {
    download: (photo, signal) => download(photo, downloading, signal),
    async storeCopy(image, photoId) {
      const smaller = smallerOf.get(image)
      smallerOf.delete(image)
      try {
        return await storeCopy(image, photoId, store, { ...copy, smaller })
      } finally {
        if (smaller) threads.release(smaller.data)
      }
    },
    preprocess(image, input, isKept) {
      const onSmaller = (smaller: SmallerImage) => smallerOf.set(image, smaller)
      const copyToBe = isKept ? { height: copy.height, onSmaller } : undefined
      return preprocess(image, { input, maxPixels, mode, budget, jpegSquare, copy: copyToBe })
    },
    release: pixels => threads.release(pixels),
  }
}
