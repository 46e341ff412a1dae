import { PhotoError } from '../../domain/errors.js'
import { imageFormat } from '../image-format.js'
import { readMetadata } from '../libvips.js'
import type { Size } from '../orientation.js'
import { bmpHeader } from './bmp.js'
import { decodeElsewhere } from './decode-elsewhere.js'
import { rawExif } from './raw-exif.js'
import { largestJpeg, turned } from './raw-preview.js'
import { tiffContents } from './tiff-directories.js'

/** Whether a file is a camera RAW file. */
export function isRaw(file: Buffer): boolean {
  const format = imageFormat(file)
  return format === 'RAW' || (format === 'TIFF' && tiffContents(file).isRaw)
}

/** The picture of a file, not opened yet. */
export interface Picture {
  /** Pixels that the opened picture holds in memory as long as it is used; 0: it is compressed. */
  pixels: number
  /** @throws PhotoError DECODE_FAILED */
  open(): Promise<Buffer>
}

/**
 * The picture of a file in a format that the decoders read: of a camera RAW file its largest JPEG, of HEIC and BMP an
 * uncompressed TIFF with the pixels. Every other file is its own picture.
 * @param maxPixels largest image that is decoded
 * @throws PhotoError EMPTY_BODY, NOT_AN_IMAGE, UNSUPPORTED_IMAGE, TOO_MANY_PIXELS, DECODE_FAILED
 */
export async function pictureOf(file: Buffer, maxPixels: number): Promise<Picture> {
  const format = imageFormat(file)
  if (format !== 'HEIC' && format !== 'BMP') {
    const picture = isRaw(file) ? pictureOfRaw(file) : file
    return { pixels: 0, open: async () => picture }
  }
  const { width, height, icc }: Size & { icc?: Buffer } = format === 'BMP' ? bmpHeader(file) : await readMetadata(file)
  if (width * height > maxPixels)
    throw new PhotoError('TOO_MANY_PIXELS', `${width}×${height} pixels, at most ${maxPixels} are decoded`)
  return { pixels: width * height, open: () => decodeElsewhere({ format, file, maxPixels, profile: icc }) }
}

function pictureOfRaw(file: Buffer): Buffer {
  const preview = largestJpeg(file)
  if (preview === null)
    throw new PhotoError('UNSUPPORTED_IMAGE', 'a camera RAW file without an embedded JPEG larger than a thumbnail')
  return turned(preview.jpeg, rawExif(file)?.orientation ?? 1)
}
