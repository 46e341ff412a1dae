import { reserve, take } from './memory'
import { planTaps, resizeColumns, resizeRows, tapsSize } from './resample'

/** Part of the decoded image, what it is resized to, and which part of that is made: strip by strip, 16 rows of the image each. */
@unmanaged
export class Resizing {
  /** What is made. */
  width: i32
  height: i32
  /** [height, width, 3], once it is finished. */
  result: usize
  /** Pairs of columns that are looked at, and strips. */
  firstPair: i32
  endPair: i32
  firstStrip: i32
  endStrip: i32
  /** See `planTaps`. */
  across: usize
  acrossSize: usize
  acrossBits: i32
  down: usize
  downSize: usize
  downBits: i32
  /** Rows that are resized and columns that are not yet, and bytes of a pair of rows. */
  rows: usize
  stride: usize

  /**
   * @param seenLeft of the part that is resized, `seenWidth` × `seenHeight`, to `outWidth` × `outHeight`
   * @param left of the part of the result that is wanted, `width` × `height`
   * @returns null if there is no room, or pixels are made of too many
   */
  static plan(
    seenLeft: i32,
    seenTop: i32,
    seenWidth: f64,
    seenHeight: f64,
    outWidth: i32,
    outHeight: i32,
    left: i32,
    top: i32,
    width: i32,
    height: i32,
    bicubic: bool,
  ): Resizing | null {
    const acrossSize = tapsSize(seenWidth, outWidth, bicubic)
    const downSize = tapsSize(seenHeight, outHeight, bicubic)
    if (acrossSize == 0 || downSize == 0) return null
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
    it.acrossBits = planTaps(across, acrossSize, seenWidth, outWidth, seenLeft, left, width, bicubic)
    it.down = down
    it.downSize = downSize
    it.downBits = planTaps(down, downSize, seenHeight, outHeight, seenTop, top, height, bicubic)
    it.firstPair = firstPairOf(across)
    it.endPair = endPairOf(across + acrossSize * (width - 1))
    it.firstStrip = firstPairOf(down) >> 3
    it.endStrip = (endPairOf(down + downSize * (height - 1)) + 7) >> 3
    it.stride = (<usize>width * 6 + 31) & ~31
    it.rows = take(<usize>(it.endStrip - it.firstStrip) * 8 * it.stride + 32)
    return reserve() ? it : null
  }

  /** @param rgb the strip, [pairs, 3, 16 rows, 2 pixels] @param origin pair that it begins with */
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

/** The first pair of pixels that one of the output is made of, by its taps. */
// @ts-ignore: decorator
@inline
function firstPairOf(taps: usize): i32 {
  return load<i32>(taps)
}

/** One after the last. */
// @ts-ignore: decorator
@inline
function endPairOf(taps: usize): i32 {
  return load<i32>(taps) + load<i32>(taps, 4)
}
