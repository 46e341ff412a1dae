const CHANNELS = 3
const LEVELS = 256

/** Turns RGB bytes into what the image tower takes: `(value / 255 − mean) / std`, channel by channel. */
export class PixelNormaliser {
  /** One table of 256 values a channel: a look-up instead of two divisions a pixel. */
  private readonly tables: readonly Float32Array[]
  /** Reused from call to call; grows to the largest batch seen. */
  private buffer = new Float32Array(0)
  private readonly plane: number

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
    this.plane = imageSize * imageSize
    this.tables = Array.from({ length: CHANNELS }, (_, channel) =>
      Float32Array.from({ length: LEVELS }, (_, level) => (level / (LEVELS - 1) - mean[channel]!) / std[channel]!),
    )
  }

  /**
   * @param images RGB bytes, row by row, [imageSize, imageSize, 3] each
   * @returns [images.length, 3, imageSize, imageSize], NCHW; valid until the next call
   * @throws RangeError for an image of another size
   */
  normalise(images: readonly Uint8Array[]): Float32Array {
    const length = CHANNELS * this.plane
    if (this.buffer.length < images.length * length) this.buffer = new Float32Array(images.length * length)
    for (const [index, image] of images.entries()) {
      if (image.length !== length)
        throw new RangeError(
          `image ${index}: expected ${length} bytes (${this.imageSize} × ${this.imageSize} RGB), found ${image.length}`,
        )
      this.fill(image, index * length)
    }
    return this.buffer.subarray(0, images.length * length)
  }

  private fill(image: Uint8Array, offset: number): void {
    const { buffer, plane } = this
    const [red, green, blue] = this.tables as [Float32Array, Float32Array, Float32Array]
    for (let pixel = 0, byte = 0; pixel < plane; pixel++, byte += CHANNELS) {
      buffer[offset + pixel] = red[image[byte]!]!
      buffer[offset + plane + pixel] = green[image[byte + 1]!]!
      buffer[offset + 2 * plane + pixel] = blue[image[byte + 2]!]!
    }
  }
}
