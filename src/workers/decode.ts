import sharp, { type Metadata, type Sharp, type SharpOptions } from 'sharp'
import { PhotoError } from '../domain/errors.js'
import { imageFormat } from './image-format.js'

export interface ImageHeader {
  /** Pixels across, as seen once the EXIF orientation is applied. */
  width: number
  height: number
  /** Whether it is CMYK that says nothing of its inks, or CMYK that libvips has to convert, by their profile if there is one. */
  cmyk: 'no' | 'untagged' | 'profiled'
}

/**
 * Reads the header only, so that a small file of a huge image costs nothing. The first frame counts.
 * @param maxPixels largest image that is decoded
 * @throws PhotoError EMPTY_BODY, NOT_AN_IMAGE, UNSUPPORTED_IMAGE, TOO_MANY_PIXELS, DECODE_FAILED
 */
export async function readHeader(image: Uint8Array, maxPixels: number): Promise<ImageHeader> {
  imageFormat(image)
  // Sharp's own limit would refuse the header as well, and without saying how many pixels there are.
  const metadata = await decoding(sharp(image, { limitInputPixels: false }).metadata())
  const { width, height } = metadata.autoOrient
  if (width * height > maxPixels)
    throw new PhotoError('TOO_MANY_PIXELS', `${width}×${height} pixels, at most ${maxPixels} are decoded`)
  return { width, height, cmyk: cmykOf(metadata) }
}

function cmykOf({ space, hasProfile, channels, depth }: Metadata): ImageHeader['cmyk'] {
  if (space !== 'cmyk') return 'no'
  return hasProfile || channels !== 4 || depth !== 'uchar' ? 'profiled' : 'untagged'
}

/**
 * A pipeline over the first frame, upright. Truncated or damaged data fail where the format can tell; scan data of a JPEG
 * cannot, flipped bits there only change the picture.
 */
export function decoder(image: Uint8Array, options: SharpOptions & { maxPixels: number }): Sharp {
  const { maxPixels, ...rest } = options
  return sharp(image, { failOn: 'error', limitInputPixels: maxPixels, ...rest }).autoOrient()
}

/** @throws PhotoError DECODE_FAILED for whatever libvips has to say */
export async function decoding<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new PhotoError('DECODE_FAILED', message.split('\n')[0]!, { cause })
  }
}
