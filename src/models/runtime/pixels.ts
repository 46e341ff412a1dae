import { toHalf } from '../../domain/half.js'
import type { PixelType } from './signature.js'

const CHANNELS = 3
const LEVELS = 256

/** Half precision as bits. */
export type Pixels = Float32Array | Uint16Array | Uint8Array

/** Converts RGB bytes to the input of the image tower: `(value / 255 − mean) / std` per channel, or unchanged bytes. */
export class PixelNormaliser {
  /** One table of 256 values per channel: a look-up instead of two divisions per pixel. */
  private readonly tables: readonly Pixels[]
  /** Reused by all calls. Grows to the largest batch. */
  private buffer: Pixels
  private readonly plane: number

  /**
   * @param imageSize side of the square, in pixels
   * @param mean per channel, of pixels scaled to [0, 1]
   * @param std per channel, of pixels scaled to [0, 1]
   * @param type input type of the tower
   */
  constructor(
    private readonly imageSize: number,
    mean: readonly number[],
    std: readonly number[],
    private readonly type: PixelType,
  ) {
    this.plane = imageSize * imageSize
    this.buffer = pixelArray(type, 0)
    this.tables = Array.from({ length: CHANNELS }, (_, channel) => {
      const value = (level: number) => normalisedValue(level, channel, mean, std)
      const encode = type === 'float16' ? (level: number) => toHalf(value(level)) : value
      return type === 'uint8' ? new Uint8Array() : pixelArray(type, LEVELS).map((_, level) => encode(level))
    })
  }

  /**
   * @param images RGB bytes, row by row, [imageSize, imageSize, 3] each
   * @returns [images.length, 3, imageSize, imageSize], NCHW, half precision as bits; bytes [images.length, imageSize,
   *   imageSize, 3]. Valid until the next call
   * @throws RangeError for an image of another size
   */
  normalise(images: readonly Uint8Array[]): Pixels {
    const length = CHANNELS * this.plane
    if (this.buffer.length < images.length * length) this.buffer = pixelArray(this.type, images.length * length)
    for (const [index, image] of images.entries()) {
      expectSize(image, index, this.imageSize)
      if (this.type === 'uint8') this.buffer.set(image, index * length)
      else this.fill(image, index * length)
    }
    return this.buffer.subarray(0, images.length * length)
  }

  private fill(image: Uint8Array, offset: number): void {
    const { buffer, plane } = this
    const [red, green, blue] = this.tables as [Pixels, Pixels, Pixels]
    for (let pixel = 0, byte = 0; pixel < plane; pixel++, byte += CHANNELS) {
      buffer[offset + pixel] = red[image[byte]!]!
      buffer[offset + plane + pixel] = green[image[byte + 1]!]!
      buffer[offset + 2 * plane + pixel] = blue[image[byte + 2]!]!
    }
  }
}

/** Returns the value of a byte in training. */
export function normalisedValue(
  byte: number,
  channel: number,
  mean: readonly number[],
  std: readonly number[],
): number {
  return (byte / (LEVELS - 1) - mean[channel]!) / std[channel]!
}

/** @throws RangeError for an image of another size */
export function expectSize({ length }: Uint8Array, index: number, size: number): void {
  const expected = CHANNELS * size ** 2
  if (length !== expected)
    throw new RangeError(`image ${index}: expected ${expected} bytes (${size} × ${size} RGB), found ${length}`)
}

export function pixelArray(type: PixelType, length: number): Pixels {
  if (type === 'uint8') return new Uint8Array(length)
  return type === 'float32' ? new Float32Array(length) : new Uint16Array(length)
}
