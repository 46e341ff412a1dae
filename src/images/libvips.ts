import sharp, { type Metadata, type Sharp, type SharpOptions } from 'sharp'
import { PhotoError } from '../domain/errors.js'
import { errorMessage } from '../domain/text/error-text.js'

/**
 * The only loaders of libvips that may read a photo. libvips recognises formats by rules of its own: it takes
 * `<!--ftypavif-->` before a drawing for SVG, although the first bytes say AVIF. So it must refuse all others itself.
 */
const LOADERS = ['Jpeg', 'Png', 'Webp', 'Nsgif', 'Heif', 'Tiff']
sharp.block({ operation: ['VipsForeignLoad'] })
sharp.unblock({ operation: LOADERS.map(format => `VipsForeignLoad${format}Buffer`) })

/** Measured: 120 megapixels of progressive JPEG take 2.5 s. */
const MAX_DECODE_SECONDS = 60

/** Reads the metadata of an image without decoding it. @throws PhotoError UNSUPPORTED_IMAGE, DECODE_FAILED */
export async function readMetadata(image: Uint8Array): Promise<Metadata> {
  if (brandOf(image) === 'avis' && !hasStill(image))
    throw new PhotoError('UNSUPPORTED_IMAGE', 'an AVIF sequence without a still image')
  // The pixel limit of sharp would refuse the header too, with an error that does not name the number of pixels.
  return decoding(sharp(stillOf(image), { limitInputPixels: false }).metadata())
}

/** The major brand of a HEIF file; undefined for other files. */
function brandOf(image: Uint8Array): string | undefined {
  const head = Buffer.from(image.buffer, image.byteOffset, Math.min(image.length, BRAND + 4)).toString('latin1', 4)
  return head.startsWith('ftyp') ? head.slice(4) : undefined
}

/** Whether a HEIF file describes still images, in a box `meta` of its own (ISO 14496-12, 8.11.1). */
function hasStill(image: Uint8Array): boolean {
  const bytes = Buffer.from(image.buffer, image.byteOffset, image.length)
  for (let at = 0; at + 8 <= bytes.length; ) {
    if (bytes.toString('latin1', at + 4, at + 8) === 'meta') return true
    const size = bytes.readUInt32BE(at)
    // 0: to the end of the file; 1: a size of 64 bits, which only the media have.
    if (size < 8) return false
    at += size
  }
  return false
}

/** Offset of the major brand in a HEIF file. */
const BRAND = 8

/**
 * The image, with an AVIF sequence or an AVIF of another brand called a still AVIF: libvips opens no others, although
 * libheif reads the first frame, which is a still image of the same file.
 */
function stillOf(image: Uint8Array): Uint8Array {
  if (!['avis', 'miaf'].includes(brandOf(image) ?? '')) return image
  const still = Buffer.from(image)
  still.write('avif', BRAND, 'latin1')
  return still
}

/**
 * Opens a pipeline over the first frame, in the orientation of the file. Truncated or damaged data fail where the
 * format has checks. The scan data of a JPEG have none: flipped bits only change the pixels.
 */
export function decoder(
  image: Uint8Array,
  options: SharpOptions & { maxPixels: number; timeoutSeconds?: number },
): Sharp {
  const { maxPixels, timeoutSeconds = MAX_DECODE_SECONDS, ...rest } = options
  return sharp(stillOf(image), { failOn: 'error', limitInputPixels: maxPixels, ...rest }).timeout({
    seconds: timeoutSeconds,
  })
}

/**
 * Drops all channels but the colours. libvips neither resizes nor flattens an image with extra channels.
 * @param pipeline over the whole image
 */
export async function withoutExtraChannels(pipeline: Sharp): Promise<Sharp> {
  const { data, info } = await decoding(pipeline.toColourspace('srgb').raw().toBuffer({ resolveWithObject: true }))
  const { width, height } = info
  const rgb = new Uint8Array(width * height * 3)
  for (let from = 0, to = 0; to < rgb.length; from += info.channels, to += 3) {
    rgb[to] = data[from]!
    rgb[to + 1] = data[from + 1]!
    rgb[to + 2] = data[from + 2]!
  }
  return sharp(rgb, { raw: { width, height, channels: 3 } })
}

/** Turns every error of libvips into a failure of the photo. @throws PhotoError DECODE_FAILED */
export async function decoding<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (cause) {
    const message = errorMessage(cause)
    throw new PhotoError('DECODE_FAILED', message.split('\n')[0]!, { cause })
  }
}
