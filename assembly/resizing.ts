import { reserve, take } from './memory'
import { filterSize, planFilter, resizeColumns, resizeRows } from './resample'

/**
 * One resize of the decoded image, or of a part of it, to a whole or cropped result. Each strip of 16 rows is resized
 * across as it is decoded; the narrow rows are kept, and at the end resized down.
 */
@unmanaged
export class Resizing {
  /** Size of the result. */
  width: i32
  height: i32
  /** [height, width, 3], after `finish`. */
  result: usize
  /** Pairs of columns and strips of the image that it needs. */
  firstPair: i32
  endPair: i32
  firstStrip: i32
  endStrip: i32
  /** Filters, see `planFilter`. */
  across: usize
  acrossSize: usize
  acrossBits: i32
  down: usize
  downSize: usize
  downBits: i32
  /** Rows that are resized across, in pairs of `stride` bytes. */
  rows: usize
  stride: usize

  /**
   * @param sourceLeft left edge of the source region of `sourceWidth` × `sourceHeight`, resized to `outWidth` ×
   * `outHeight`
   * @param left left edge of the crop of `width` × `height` in that
   * @returns null if there is no memory, or if the filter reaches over too many pixels
   */
  static plan(
    sourceLeft: i32,
    sourceTop: i32,
    sourceWidth: f64,
    sourceHeight: f64,
    outWidth: i32,
    outHeight: i32,
    left: i32,
    top: i32,
    width: i32,
    height: i32,
    bicubic: bool,
  ): Resizing | null {
    const acrossSize = filterSize(sourceWidth, outWidth, bicubic)
    const downSize = filterSize(sourceHeight, outHeight, bicubic)
    if (acrossSize === 0 || downSize === 0) return null
    const it = changetype<Resizing>(take(offsetof<Resizing>()))
    const across = take(acrossSize * width)
    const down = take(downSize * height)
    const result = take(<usize>height * width * 3 + 16)
    if (!reserve()) return null
    it.width = width
    it.height = height
    it.result = result
    it.across = across
    it.acrossSize = acrossSize
    it.acrossBits = planFilter(across, acrossSize, sourceWidth, outWidth, sourceLeft, left, width, bicubic)
    it.down = down
    it.downSize = downSize
    it.downBits = planFilter(down, downSize, sourceHeight, outHeight, sourceTop, top, height, bicubic)
    it.firstPair = Pairs.firstPairOf(across)
    it.endPair = Pairs.endPairOf(across + acrossSize * (width - 1))
    it.firstStrip = Pairs.firstPairOf(down) >> 3
    it.endStrip = (Pairs.endPairOf(down + downSize * (height - 1)) + 7) >> 3
    it.stride = (<usize>width * 6 + 31) & ~31
    it.rows = take(<usize>(it.endStrip - it.firstStrip) * 8 * it.stride + 32)
    return reserve() ? it : null
  }

  /** Resizes a strip across, if it is needed. @param rgb [pairs, 3, 16 rows, 2 pixels] @param origin its first pair */
  take(strip: i32, rgb: usize, origin: i32): void {
    if (strip < this.firstStrip || strip >= this.endStrip) return
    const to = this.rows + <usize>(strip - this.firstStrip) * 8 * this.stride
    resizeRows(rgb, origin, this.across, this.acrossSize, this.acrossBits, this.width, to, this.stride)
  }

  finish(): void {
    resizeColumns(
      this.rows,
      this.firstStrip << 3,
      this.stride,
      this.down,
      this.downSize,
      this.downBits,
      this.height,
      this.result,
      <usize>this.width * 3,
    )
  }
}

class Pairs {
  /** First pair of pixels that a filter needs. */
  @inline
  static firstPairOf(filter: usize): i32 {
    return load<i32>(filter)
  }

  /** One after the last pair. */
  @inline
  static endPairOf(filter: usize): i32 {
    return load<i32>(filter) + load<i32>(filter, 4)
  }
}
