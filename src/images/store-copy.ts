import sharp from 'sharp'
import { copyKey } from '../domain/places/copy-key.js'
import type { ObjectStore } from '../domain/ports/object-store.js'
import { readHeader } from './image-header.js'
import { decoder, decoding, withoutExtraChannels } from './libvips.js'
import type { PixelBudget } from './pixel-budget.js'
import { copySize, MAX_JPEG_WIDTH, type Preview } from './preview.js'
import { type CopyLimits, smallJpeg } from './small-jpeg.js'

/** `height`: a smaller image keeps its size. */
export type CopySettings = CopyLimits

export interface CopyOptions extends CopySettings {
  /** Largest image that is decoded. */
  maxPixels: number
  /** Replaces a copy that is there. */
  replace?: boolean
  /** Shared by all images that are decoded concurrently. */
  budget?: PixelBudget
}

/**
 * Stores a compressed copy of a photo, unless there is one already that is not to be replaced.
 * @param source the preview that `decode` made, else the image, which `decode` must have accepted: a small JPEG is kept
 * as it is, without checking its data
 * @returns its key
 * @throws PhotoError STORE_FAILED (retryable), or why the image cannot be decoded
 */
export async function storeCopy(
  source: Buffer | Preview,
  photoId: string,
  store: ObjectStore,
  options: CopyOptions,
): Promise<string> {
  const key = copyKey(photoId, options)
  if (!options.replace && (await store.has(key))) return key
  // A preview is higher than its copy, and so is its photo: no small JPEG.
  const copy = source instanceof Uint8Array ? smallJpeg(source, options) : null
  await store.put(key, copy ?? (await compress(source, options)), 'image/jpeg')
  return key
}

/** Encodes a JPEG of at most the given height: upright, sRGB, without metadata, transparent parts white. */
export async function compress(source: Uint8Array | Preview, options: CopyOptions): Promise<Buffer> {
  return await (source instanceof Uint8Array ? compressImage(source, options) : compressPreview(source, options))
}

/** @param preview at least as high as the copy */
function compressPreview({ data, photo, ...raw }: Preview, { height, quality }: CopyOptions): Promise<Buffer> {
  const size = copySize(photo, height)
  if (size === null || raw.height < height)
    throw new RangeError(`expected a preview that is at least ${height} pixels high, found ${raw.height}`)
  return decoding(
    sharp(data, { raw })
      .resize({ ...size, fit: 'fill' })
      .jpeg({ quality })
      .toBuffer(),
  )
}

async function compressImage(image: Uint8Array, options: CopyOptions): Promise<Buffer> {
  const { height, quality, maxPixels, budget } = options
  const header = await readHeader(image, maxPixels)
  const copy = async () => {
    const whole = decoder(image, { maxPixels }).autoOrient()
    return await (header.hasExtraChannels ? await withoutExtraChannels(whole) : whole)
      .resize({ width: MAX_JPEG_WIDTH, height, fit: 'inside', withoutEnlargement: true })
      .flatten({ background: '#ffffff' })
      .toColourspace('srgb')
      .jpeg({ quality })
      .toBuffer()
  }
  return await decoding(budget ? budget.spend(header.pixelsInMemory, copy) : copy())
}
