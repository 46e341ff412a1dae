import sharp, { type Metadata, type Sharp, type SharpOptions } from 'sharp'
import { PhotoError } from '../domain/errors.js'
import { type ImageFormat, imageFormat } from './image-format.js'
import { jpegHeader } from './jpeg-header.js'
import { type Orientation, turnedSize } from './orientation.js'

/**
 * Loaders of libvips that may look at a photo. All others are refused by libvips itself, because it tells formats in its own
 * way: `<!--ftypavif-->` before a drawing looks like AVIF by its first bytes, and is SVG to it.
 */
const LOADERS = ['Jpeg', 'Png', 'Webp', 'Nsgif', 'Heif', 'Tiff']
sharp.block({ operation: ['VipsForeignLoad'] })
sharp.unblock({ operation: LOADERS.map(format => `VipsForeignLoad${format}Buffer`) })

/** 120 megapixels of progressive JPEG took 2.5 s; what takes this long was made to. */
const MAX_DECODE_SECONDS = 60

export interface ImageHeader {
  format: ImageFormat
  /** Pixels across, as seen once the EXIF orientation is applied. */
  width: number
  height: number
  orientation: Orientation
  /** Whether it is CMYK that says nothing of its inks, or CMYK that libvips has to convert, by their profile if there is one. */
  cmyk: 'no' | 'untagged' | 'profiled'
  /** A colour profile, by which copies are converted. */
  hasProfile: boolean
  /** A baseline JPEG and a PNG are decoded from top to bottom, a few rows at a time; of others all is in memory at once. */
  pixelsInMemory: number
}

/**
 * Reads the header only, so that a small file of a huge image costs nothing. The first frame counts.
 * @param maxPixels largest image that is decoded
 * @throws PhotoError EMPTY_BODY, NOT_AN_IMAGE, UNSUPPORTED_IMAGE, TOO_MANY_PIXELS, DECODE_FAILED
 */
export async function readHeader(image: Uint8Array, maxPixels: number): Promise<ImageHeader> {
  const format = imageFormat(image)
  const header = ordinaryHeader(image, format) ?? headerOf(await readMetadata(image), format)
  const { width, height } = header
  if (width * height > maxPixels)
    throw new PhotoError('TOO_MANY_PIXELS', `${width}×${height} pixels, at most ${maxPixels} are decoded`)
  return header
}

/** All that libvips says of an image, without decoding it. @throws PhotoError DECODE_FAILED */
export function readMetadata(image: Uint8Array): Promise<Metadata> {
  // Sharp's own limit would refuse the header as well, and without saying how many pixels there are.
  return decoding(sharp(image, { limitInputPixels: false }).metadata())
}

function ordinaryHeader(image: Uint8Array, format: ImageFormat): ImageHeader | null {
  const header = format === 'JPEG' ? jpegHeader(Buffer.from(image.buffer, image.byteOffset, image.length)) : null
  if (header === null) return null
  const { width, height, progressive, hasProfile } = header
  const pixelsInMemory = progressive ? width * height : 0
  return { format, width, height, orientation: 1, cmyk: 'no', hasProfile, pixelsInMemory }
}

function headerOf(metadata: Metadata, format: ImageFormat): ImageHeader {
  const orientation = orientationOf(metadata)
  const { width, height } = turnedSize(metadata, orientation)
  const streams = (format === 'JPEG' || format === 'PNG') && !metadata.isProgressive
  const pixelsInMemory = streams ? 0 : width * height
  const { hasProfile = false } = metadata
  return { format, width, height, orientation, cmyk: cmykOf(metadata), hasProfile, pixelsInMemory }
}

function cmykOf({ space, hasProfile, channels, depth }: Metadata): ImageHeader['cmyk'] {
  if (space !== 'cmyk') return 'no'
  return hasProfile || channels !== 4 || depth !== 'uchar' ? 'profiled' : 'untagged'
}

/**
 * A pipeline over the first frame, as it lies in the file. Truncated or damaged data fail where the format can tell; scan
 * data of a JPEG cannot, flipped bits there only change the picture.
 */
export function decoder(
  image: Uint8Array,
  options: SharpOptions & { maxPixels: number; timeoutSeconds?: number },
): Sharp {
  const { maxPixels, timeoutSeconds = MAX_DECODE_SECONDS, ...rest } = options
  return sharp(image, { failOn: 'error', limitInputPixels: maxPixels, ...rest }).timeout({ seconds: timeoutSeconds })
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

function orientationOf({ orientation = 1 }: Metadata): Orientation {
  return orientation >= 1 && orientation <= 8 ? orientation : 1
}
