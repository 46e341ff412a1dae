import type { Logger } from 'pino'
import type { Config } from '../config.js'
import type { ObjectStore } from '../domain/ports/object-store.js'
import type { JpegThreads } from '../images/jpeg-threads.js'
import type { GuardedFetcher } from '../net/fetch.js'
import type { ImagePipeline } from '../workers/stages/prepare.js'

export interface ImagePipelineParts {
  fetcher: GuardedFetcher
  threads: JpegThreads
  store: ObjectStore
  logger: Logger
}

/** The stages that one photo goes through by itself. */
export async function openImagePipeline(
  config: Config,
  { fetcher, threads, store, logger }: ImagePipelineParts,
): Promise<ImagePipeline & { checkNetwork(): Promise<void> }> {
  const { default: sharp } = await import('sharp')
  const { download } = await import('../workers/stages/download.js')
  const { decode } = await import('../images/decode.js')
  const { MAX_PIXELS_IN_MEMORY, PixelBudget } = await import('../images/pixel-budget.js')
  const { storeCopy } = await import('../images/store-copy.js')
  const ignoreOptOut = config.IGNORE_OPT_OUT
  if (ignoreOptOut) logger.warn('images are taken although their servers opt out: IGNORE_OPT_OUT')
  const downloading = { fetcher, ignoreOptOut, allowFolders: config.ALLOW_FOLDERS, maxBytes: config.MAX_IMAGE_BYTES }
  const { MAX_IMAGE_PIXELS: maxPixels, PREPROCESS: mode, JPEG_DECODER: jpegDecoder } = config
  if (mode === 'fast') logger.warn('PREPROCESS=fast: vectors differ a little from those made of exact pixels')
  const budget = new PixelBudget(MAX_PIXELS_IN_MEMORY)
  const decoding = { maxPixels, mode, jpegDecoder, threads, budget }
  const copy = { height: config.COPY_HEIGHT, quality: config.COPY_QUALITY, maxPixels, budget }
  // One thread per photo: photos are decoded concurrently. No image is read twice, so a cache would only take memory.
  sharp.concurrency(1)
  sharp.cache(false)
  return {
    download: (photo, signal, permit) => download(photo, downloading, signal, permit),
    checkNetwork: () => fetcher.checkNetwork(),
    pausedFor: ({ url }) => fetcher.pausedFor(url),
    pausedHosts: () => fetcher.pausedHosts(),
    decode: (image, input, isKept) =>
      decode(image, { ...decoding, input, copyHeight: isKept ? copy.height : undefined }),
    storeCopy: (source, photoId) => storeCopy(source, photoId, store, copy),
    release: pixels => threads.release(pixels),
  }
}
