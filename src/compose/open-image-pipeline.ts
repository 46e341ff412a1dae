import type { Logger } from 'pino'
import type { Config } from '../config.js'
import { copyKey } from '../domain/places/copy-key.js'
import { namedAddress } from '../domain/places/url-template.js'
import type { ObjectReader } from '../domain/ports/object-reader.js'
import type { ObjectStore } from '../domain/ports/object-store.js'
import type { JpegThreads } from '../images/jpeg-threads.js'
import type { GuardedFetcher } from '../net/fetch.js'
import type { ImagePipeline } from '../workers/stages/prepare.js'

export interface ImagePipelineParts {
  fetcher: GuardedFetcher
  threads: JpegThreads
  store: ObjectStore
  objects: () => Promise<ObjectReader>
  logger: Logger
  /** For the variables that URL templates name. */
  environment: Readonly<Record<string, string | undefined>>
}

/** The stages that one photo goes through by itself. */
export async function openImagePipeline(
  config: Config,
  { fetcher, threads, store, objects, logger, environment }: ImagePipelineParts,
): Promise<ImagePipeline & { checkNetwork(): Promise<void> }> {
  const { default: sharp } = await import('sharp')
  const { download, isOwn } = await import('../workers/stages/download.js')
  const { OwnTemplates } = await import('../workers/own-templates.js')
  const { ReadableFolders } = await import('../workers/readable-folders.js')
  const { decode } = await import('../images/decode.js')
  const { MAX_PIXELS_IN_MEMORY, PixelBudget } = await import('../images/pixel-budget.js')
  const { readFileMetadata } = await import('../images/metadata/read-file-metadata.js')
  const { compress, storeCopy } = await import('../images/store-copy.js')
  const ignoreOptOut = config.IGNORE_OPT_OUT
  if (ignoreOptOut) logger.warn('images are taken although their servers opt out: IGNORE_OPT_OUT')
  const ingested = new ReadableFolders(config.UNSPLASH_CLIP_HOME)
  const ownTemplates = new OwnTemplates(config.UNSPLASH_CLIP_HOME, config.ALLOW_TEMPLATES)
  const downloading = {
    fetcher,
    ignoreOptOut,
    host: config.PLACE_HOST,
    allowFolders: config.ALLOW_FOLDERS,
    ingestedFolders: () => ingested.all(),
    templates: { allowed: () => ownTemplates.all(), environment },
    store,
    objects,
    maxBytes: config.MAX_IMAGE_BYTES,
    maxPixels: config.MAX_IMAGE_PIXELS,
  }
  const { MAX_IMAGE_PIXELS: maxPixels, PREPROCESS: mode, JPEG_DECODER: jpegDecoder } = config
  if (mode === 'fast') logger.warn('PREPROCESS=fast: vectors differ a little from those made of exact pixels')
  const budget = new PixelBudget(MAX_PIXELS_IN_MEMORY)
  const decoding = { maxPixels, mode, jpegDecoder, threads, budget }
  const copy = { height: config.COPY_HEIGHT, quality: config.COPY_QUALITY, maxPixels, budget }
  const keeping = {
    copyHeight: copy.height,
    copyOf: (picture: Buffer, own?: typeof budget) => compress(picture, { ...copy, budget: own }),
  }
  // One thread per photo: photos are decoded concurrently. No image is read twice, so a cache would only take memory.
  sharp.concurrency(1)
  sharp.cache(false)
  return {
    download: (photo, signal, permit, origin, known) => download(photo, downloading, signal, permit, origin, known),
    checkNetwork: () => fetcher.checkNetwork(),
    pausedFor: photo => fetcher.pausedFor(namedAddress(photo)),
    pausedHosts: () => fetcher.pausedHosts(),
    decode: (image, input, isKept) => decode(image, { ...decoding, input, ...(isKept ? keeping : {}) }),
    readMetadata: async (photo, image, size) => (isOwn(photo) ? await readFileMetadata(image, size) : null),
    storeCopy: (source, photoId, replace) => storeCopy(source, photoId, store, { ...copy, replace }),
    copyKey: photoId => copyKey(photoId, copy),
    release: pixels => threads.release(pixels),
  }
}
