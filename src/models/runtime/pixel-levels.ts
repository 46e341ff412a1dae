import { expectSize, normalisedValue } from './pixels.js'

const CHANNELS = 3
const LEVELS = 256
const HIGHEST = LEVELS - 1

/** Pixels of a call in 8 bits: (level − zero) × scale is the normalised pixel, rounded. */
export interface PixelLevels {
  /** [images, size, size, 3]. Valid until the next call. */
  readonly levels: Uint8Array
  readonly scale: number
  readonly zero: number
}

/**
 * Rounds normalised pixels to 8 bits over the range of all images of a call, as DynamicQuantizeLinear does (onnx
 * Operators.md): the range includes 0, and half a level is rounded to the even one. Normalising and rounding are one
 * look-up per byte.
 */
export class PixelQuantiser {
  /** Normalised values of the 256 bytes, channel by channel. */
  private readonly values: Float32Array
  /** Reused by all calls. Grows to the largest batch. */
  private buffer = new Uint8Array()

  /**
   * @param imageSize side of the square, in pixels
   * @param mean per channel, of pixels scaled to [0, 1]
   * @param std per channel, of pixels scaled to [0, 1]
   */
  constructor(
    private readonly imageSize: number,
    mean: readonly number[],
    std: readonly number[],
  ) {
    this.values = Float32Array.from({ length: CHANNELS * LEVELS }, (_, at) =>
      normalisedValue(at % LEVELS, Math.floor(at / LEVELS), mean, std),
    )
  }

  /**
   * @param images RGB bytes, row by row, [imageSize, imageSize, 3] each
   * @throws RangeError for an image of another size
   */
  quantise(images: readonly Uint8Array[]): PixelLevels {
    const length = CHANNELS * this.imageSize ** 2
    for (const [index, image] of images.entries()) expectSize(image, index, this.imageSize)
    if (this.buffer.length < images.length * length) this.buffer = new Uint8Array(images.length * length)
    const { scale, zero } = this.range(images)
    const table = Uint8Array.from(this.values, value =>
      Math.min(Math.max(roundHalfToEven(Math.fround(value / scale)) + zero, 0), HIGHEST),
    )
    const { buffer } = this
    let at = 0
    for (const image of images)
      for (let byte = 0; byte < length; byte += CHANNELS, at += CHANNELS) {
        buffer[at] = table[image[byte]!]!
        buffer[at + 1] = table[LEVELS + image[byte + 1]!]!
        buffer[at + 2] = table[2 * LEVELS + image[byte + 2]!]!
      }
    return { levels: buffer.subarray(0, at), scale, zero }
  }

  /** In single precision, as the runtime computes it. */
  private range(images: readonly Uint8Array[]): { scale: number; zero: number } {
    const seen = new Uint8Array(CHANNELS * LEVELS)
    for (const image of images)
      for (let byte = 0; byte < image.length; byte += CHANNELS) {
        seen[image[byte]!] = 1
        seen[LEVELS + image[byte + 1]!] = 1
        seen[2 * LEVELS + image[byte + 2]!] = 1
      }
    const values = this.values.filter((_, at) => seen[at] === 1)
    const [least, most] = [Math.min(0, ...values), Math.max(0, ...values)]
    const scale = most === least ? 1 : Math.fround(Math.fround(most - least) / HIGHEST)
    return { scale, zero: roundHalfToEven(Math.min(Math.max(-Math.fround(least / scale), 0), HIGHEST)) }
  }
}

function roundHalfToEven(value: number): number {
  const below = Math.floor(value)
  const rest = value - below
  if (rest !== 0.5) return Math.round(value)
  return below % 2 === 0 ? below : below + 1
}
