import { PHOTO_ID_PATTERN } from '../domain/photo.js'
import type { ObjectStore } from '../domain/ports/object-store.js'
import { decoder, decoding, readHeader } from './decode.js'

export interface CopySettings {
  /** Height of the copy, in pixels; a smaller image keeps its size. */
  height: number
  /** JPEG quality, 1 to 100. */
  quality: number
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
 * @param settings `maxPixels`: largest image that is decoded
 * @returns its key
 * @throws PhotoError STORE_FAILED (retryable), or why the image cannot be decoded
 */
export async function storeCopy(
  image: Uint8Array,
  photoId: string,
  store: ObjectStore,
  settings: CopySettings & { maxPixels: number },
): Promise<string> {
  const key = copyKey(photoId, settings)
  if (!(await store.has(key))) await store.put(key, await compress(image, settings), 'image/jpeg')
  return key
}

/** A JPEG of at most the given height: upright, sRGB, without metadata, transparent parts white. */
export async function compress(image: Uint8Array, settings: CopySettings & { maxPixels: number }): Promise<Buffer> {
  const { height, quality, maxPixels } = settings
  await readHeader(image, maxPixels)
  const copy = decoder(image, { maxPixels })
    .resize({ width: MAX_JPEG_WIDTH, height, fit: 'inside', withoutEnlargement: true })
    .flatten({ background: '#ffffff' })
    .toColourspace('srgb')
    .jpeg({ quality })
  return await decoding(copy.toBuffer())
}
