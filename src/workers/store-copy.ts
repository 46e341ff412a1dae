import sharp from 'sharp'
import { PHOTO_ID_PATTERN } from '../domain/photo.js'
import type { ObjectStore } from '../domain/ports/object-store.js'
import { decoder, decoding, readHeader } from './decode.js'
import type { PixelBudget } from './pixel-budget.js'
import type { SmallerImage } from './preprocess.js'
import { type CopyLimits, smallJpeg } from './small-jpeg.js'

/** `height`: a smaller image keeps its size. */
export type CopySettings = CopyLimits

export interface CopyOptions extends CopySettings {
  /** Largest image that is decoded. */
  maxPixels: number
  /** Shared by all images that are decoded side by side. */
  budget?: PixelBudget
  /** What `preprocess` made of the image on its way, if it is at least as high as the copy: it is not decoded again then. */
  smaller?: SmallerImage
}

/** The format's limit is 65,535; libjpeg takes 65,500. */
const MAX_JPEG_WIDTH = 65_500

/** Where the copy of a photo is kept: `h512-q65/-N_UwPdUs7E.jpg`. Other settings never overwrite it. */
export function copyKey(photoId: string, { height, quality }: CopySettings): string {
  if (!PHOTO_ID_PATTERN.test(photoId)) throw new RangeError(`expected a photo id, found ${JSON.stringify(photoId)}`)
  return `h${height}-q${quality}/${photoId}.jpg`
}

/**
 * Keeps a compressed copy of a photo, unless one is there already.
 * @param image one that `preprocess` has decoded: a small JPEG is kept as it is, without a look at its data
 * @returns its key
 * @throws PhotoError STORE_FAILED (retryable), or why the image cannot be decoded
 */
export async function storeCopy(
  image: Buffer,
  photoId: string,
  store: ObjectStore,
  options: CopyOptions,
): Promise<string> {
  const key = copyKey(photoId, options)
  if (!(await store.has(key)))
    await store.put(key, smallJpeg(image, options) ?? (await compress(image, options)), 'image/jpeg')
  return key
}

/** What an image at least that high becomes at the height of its copy; null if that is wider than a JPEG can be. */
export function copySize(image: { width: number; height: number }, height: number) {
  const width = Math.max(1, Math.round((height * image.width) / image.height))
  return width <= MAX_JPEG_WIDTH ? { width, height } : null
}

/** A JPEG of at most the given height: upright, sRGB, without metadata, transparent parts white. */
export async function compress(image: Uint8Array, options: CopyOptions): Promise<Buffer> {
  const { height, quality, maxPixels, budget, smaller } = options
  const header = await readHeader(image, maxPixels)
  const size = copySize(header, height)
  if (size && smaller && smaller.height >= height) {
    const { data, ...raw } = smaller
    return await decoding(
      sharp(data, { raw })
        .resize({ ...size, fit: 'fill' })
        .jpeg({ quality })
        .toBuffer(),
    )
  }
  const copy = () =>
    decoder(image, { maxPixels })
      .autoOrient()
      .resize({ width: MAX_JPEG_WIDTH, height, fit: 'inside', withoutEnlargement: true })
      .flatten({ background: '#ffffff' })
      .toColourspace('srgb')
      .jpeg({ quality })
      .toBuffer()
  return await decoding(budget ? budget.spend(header.pixelsInMemory, copy) : copy())
}
