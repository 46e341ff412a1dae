import type { Metadata } from 'sharp'
import { PhotoError } from '../domain/errors.js'
import { type ImageFormat, imageFormat } from './image-format.js'
import { jpegHeader } from './jpeg-markers.js'
import { readMetadata } from './libvips.js'
import { type Orientation, turnedSize } from './orientation.js'

export interface ImageHeader {
  format: ImageFormat
  /** In pixels, of the upright image. */
  width: number
  height: number
  orientation: Orientation
  /**
   * `untagged`: 8-bit CMYK without a profile, converted by Pillow's formula. `profiled`: CMYK that libvips converts.
   */
  cmyk: 'no' | 'untagged' | 'profiled'
  /** More samples per pixel than colours and alpha: a TIFF may carry masks. */
  hasExtraChannels: boolean
  /**
   * `key`: one colour of a PNG counts as transparent (tRNS). Pillow ignores that, and so does decoding for a model.
   */
  alpha: 'no' | 'channel' | 'key'
  /** A colour profile, by which copies are converted. */
  hasProfile: boolean
  /**
   * Pixels that decoding holds in memory: 0 for a baseline JPEG and a PNG without alpha, which are decoded a few rows at
   * a time.
   */
  pixelsInMemory: number
}

/**
 * Reads the header only, so that a small file of a huge image costs nothing. Of several frames it describes the first.
 * @param maxPixels largest image that is decoded
 * @throws PhotoError EMPTY_BODY, NOT_AN_IMAGE, UNSUPPORTED_IMAGE, TOO_MANY_PIXELS, DECODE_FAILED
 */
export async function readHeader(image: Uint8Array, maxPixels: number): Promise<ImageHeader> {
  const format = imageFormat(image)
  const header = ordinaryHeader(image, format) ?? headerOf(await readMetadata(image), image, format)
  const { width, height } = header
  if (width * height > maxPixels)
    throw new PhotoError('TOO_MANY_PIXELS', `${width}×${height} pixels, at most ${maxPixels} are decoded`)
  return header
}

function ordinaryHeader(image: Uint8Array, format: ImageFormat): ImageHeader | null {
  const header = format === 'JPEG' ? jpegHeader(Buffer.from(image.buffer, image.byteOffset, image.length)) : null
  if (header === null) return null
  const { width, height, progressive, hasProfile } = header
  const pixelsInMemory = progressive ? width * height : 0
  const upright = { orientation: 1, cmyk: 'no', hasExtraChannels: false, alpha: 'no' } as const
  return { format, width, height, ...upright, hasProfile, pixelsInMemory }
}

function headerOf(metadata: Metadata, image: Uint8Array, format: ImageFormat): ImageHeader {
  const orientation = orientationOf(metadata)
  const { width, height } = turnedSize(metadata, orientation)
  const alpha = alphaOf(metadata, image, format)
  const streams = (format === 'JPEG' || (format === 'PNG' && alpha === 'no')) && !metadata.isProgressive
  const pixelsInMemory = streams ? 0 : width * height
  const { hasProfile = false } = metadata
  const [cmyk, hasExtraChannels] = [cmykOf(metadata), hasExtras(metadata)]
  return { format, width, height, orientation, cmyk, hasExtraChannels, alpha, hasProfile, pixelsInMemory }
}

/** Offset of the colour type in a PNG; bit 2 of it means an alpha channel, bit 0 a palette. */
const PNG_COLOUR_TYPE = 25
const PNG_ALPHA_OR_PALETTE = 0b101

function alphaOf({ hasAlpha }: Metadata, image: Uint8Array, format: ImageFormat): ImageHeader['alpha'] {
  if (!hasAlpha) return 'no'
  return format === 'PNG' && (image[PNG_COLOUR_TYPE]! & PNG_ALPHA_OR_PALETTE) === 0 ? 'key' : 'channel'
}

function hasExtras({ space, channels }: Metadata): boolean {
  const colours = { 'b-w': 1, grey16: 1, cmyk: 4 }[space as string] ?? 3
  return channels > colours + 1
}

function cmykOf({ space, hasProfile, channels, depth }: Metadata): ImageHeader['cmyk'] {
  if (space !== 'cmyk') return 'no'
  return hasProfile || channels !== 4 || depth !== 'uchar' ? 'profiled' : 'untagged'
}

function orientationOf({ orientation = 1 }: Metadata): Orientation {
  return orientation >= 1 && orientation <= 8 ? orientation : 1
}
