import sharp from 'sharp'
import type { ImageInput } from '../domain/image-input.js'
import { type DecodeOptions, preprocess } from './decode.js'
import { decoding } from './libvips.js'

const QUALITY = 75

/** A JPEG of at most this height. A lower one is returned as it is. @throws PhotoError DECODE_FAILED */
export async function smallerCopy(copy: Buffer, height: number): Promise<Buffer> {
  const found = await decoding(sharp(copy).metadata())
  if (found.height <= height) return copy
  return decoding(sharp(copy).resize({ height }).jpeg({ quality: QUALITY }).toBuffer())
}

/** What a model sees of an image, as a PNG. @throws PhotoError as `decode` */
export async function seenSquare(
  image: Uint8Array,
  input: ImageInput,
  options: Omit<DecodeOptions, 'input' | 'copyHeight'>,
): Promise<Buffer> {
  const pixels = await preprocess(image, { ...options, input })
  return sharp(pixels, { raw: { width: input.size, height: input.size, channels: 3 } })
    .png()
    .toBuffer()
}
