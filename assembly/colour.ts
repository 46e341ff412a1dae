/**
 * Converts YCbCr to RGB as libjpeg does by default, bit for bit: JFIF's conversion (jdcolor.c), after "fancy"
 * upsampling of colour at half the size (jdsample.c, h2v2_fancy_upsample).
 * https://github.com/libjpeg-turbo/libjpeg-turbo/tree/main/src
 */
import { Interleave } from './interleave'
import { PAIR, PAIR_RGB } from './resample'

/** Halves of 26345 and -14942, because q15mulr drops 15 bits instead of 16; exact for all of -128 to 127. */
const RED: i16 = 13173
const BLUE: i16 = -7471

class Ycc {
  /** Three parts of the nearer sample and one of the farther. */
  @inline
  static weighed(near: v128, far: v128): v128 {
    return i16x8.add(i16x8.add(near, i16x8.shl(near, 1)), far)
  }

  /** The row above each row of a column; the first is the last row of the strip before. */
  @inline
  static above(before: usize, column: usize, current: v128): v128 {
    return v128.shuffle<i16>(v128.load(before + column), current, 7, 8, 9, 10, 11, 12, 13, 14)
  }

  /** The row below each row of a column. */
  @inline
  static below(after: usize, column: usize, current: v128): v128 {
    return v128.shuffle<i16>(current, v128.load(after + column), 1, 2, 3, 4, 5, 6, 7, 8)
  }

  @inline
  static red(y: v128, cr: v128): v128 {
    // (91881 cr + 32768) >> 16, where 91881 = 65536 + 26345
    return i16x8.add(i16x8.add(y, cr), i16x8.q15mulr_sat_s(cr, i16x8.splat(RED)))
  }

  @inline
  static blue(y: v128, cb: v128): v128 {
    // (116130 cb + 32768) >> 16, where 116130 = 2 · 65536 - 14942
    return i16x8.add(i16x8.add(y, i16x8.shl(cb, 1)), i16x8.q15mulr_sat_s(cb, i16x8.splat(BLUE)))
  }

  @inline
  static green(y: v128, cb: v128, cr: v128): v128 {
    // (-22554 cb - 46802 cr + 32768) >> 16, where -46802 = 18734 - 65536
    const factors = i32x4.splat((-22554 & 0xffff) | (18734 << 16))
    const half = i32x4.splat(32768)
    const first = i32x4.shr_s(i32x4.add(i32x4.dot_i16x8_s(Interleave.low(cb, cr), factors), half), 16)
    const last = i32x4.shr_s(i32x4.add(i32x4.dot_i16x8_s(Interleave.high(cb, cr), factors), half), 16)
    return i16x8.add(i16x8.sub(y, cr), i16x8.narrow_i32x4_s(first, last))
  }

  /** Packs two columns of eight rows into bytes, pixel beside pixel. */
  @inline
  static both(left: v128, right: v128): v128 {
    const bytes = i8x16.narrow_i16x8_u(left, right)
    return v128.shuffle<i8>(bytes, bytes, 0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15)
  }
}

/**
 * Converts a strip of 16 rows at the full size.
 * @param y [columns, 16 rows] of int16
 * @param cb [columns / 2, 8 rows] of int16; also of the strips before and after, as `cr`
 * @param first first pair of columns that is wanted; `end` is one after the last
 * @param pairs pairs of columns of the image
 * @param to [end - first, 3, 16, 2]
 */
export function toRgb(
  y: usize,
  cbBefore: usize,
  cb: usize,
  cbAfter: usize,
  crBefore: usize,
  cr: usize,
  crAfter: usize,
  first: i32,
  end: i32,
  pairs: i32,
  to: usize,
): void {
  const middle = i16x8.splat(128)
  const seven = i16x8.splat(7)
  const eight = i16x8.splat(8)
  let column = (<usize>max(0, first - 1)) << 4
  let c = v128.load(cb + column)
  let bLastUp = Ycc.weighed(c, Ycc.above(cbBefore, column, c))
  let bLastDown = Ycc.weighed(c, Ycc.below(cbAfter, column, c))
  c = v128.load(cr + column)
  let rLastUp = Ycc.weighed(c, Ycc.above(crBefore, column, c))
  let rLastDown = Ycc.weighed(c, Ycc.below(crAfter, column, c))
  column = (<usize>first) << 4
  c = v128.load(cb + column)
  let bUp = Ycc.weighed(c, Ycc.above(cbBefore, column, c))
  let bDown = Ycc.weighed(c, Ycc.below(cbAfter, column, c))
  c = v128.load(cr + column)
  let rUp = Ycc.weighed(c, Ycc.above(crBefore, column, c))
  let rDown = Ycc.weighed(c, Ycc.below(crAfter, column, c))

  for (let i = first; i < end; i++, to += PAIR_RGB) {
    column = (<usize>min(i + 1, pairs - 1)) << 4
    c = v128.load(cb + column)
    const bNextUp = Ycc.weighed(c, Ycc.above(cbBefore, column, c))
    const bNextDown = Ycc.weighed(c, Ycc.below(cbAfter, column, c))
    c = v128.load(cr + column)
    const rNextUp = Ycc.weighed(c, Ycc.above(crBefore, column, c))
    const rNextDown = Ycc.weighed(c, Ycc.below(crAfter, column, c))

    let up = i16x8.sub(i16x8.shr_u(i16x8.add(Ycc.weighed(bUp, bLastUp), eight), 4), middle)
    let down = i16x8.sub(i16x8.shr_u(i16x8.add(Ycc.weighed(bDown, bLastDown), eight), 4), middle)
    const bLeft0 = Interleave.low(up, down)
    const bLeft1 = Interleave.high(up, down)
    up = i16x8.sub(i16x8.shr_u(i16x8.add(Ycc.weighed(bUp, bNextUp), seven), 4), middle)
    down = i16x8.sub(i16x8.shr_u(i16x8.add(Ycc.weighed(bDown, bNextDown), seven), 4), middle)
    const bRight0 = Interleave.low(up, down)
    const bRight1 = Interleave.high(up, down)
    up = i16x8.sub(i16x8.shr_u(i16x8.add(Ycc.weighed(rUp, rLastUp), eight), 4), middle)
    down = i16x8.sub(i16x8.shr_u(i16x8.add(Ycc.weighed(rDown, rLastDown), eight), 4), middle)
    const rLeft0 = Interleave.low(up, down)
    const rLeft1 = Interleave.high(up, down)
    up = i16x8.sub(i16x8.shr_u(i16x8.add(Ycc.weighed(rUp, rNextUp), seven), 4), middle)
    down = i16x8.sub(i16x8.shr_u(i16x8.add(Ycc.weighed(rDown, rNextDown), seven), 4), middle)
    const rRight0 = Interleave.low(up, down)
    const rRight1 = Interleave.high(up, down)

    const at = y + ((<usize>i) << 6)
    const yLeft0 = v128.load(at)
    const yLeft1 = v128.load(at, 16)
    const yRight0 = v128.load(at, 32)
    const yRight1 = v128.load(at, 48)
    v128.store(to, Ycc.both(Ycc.red(yLeft0, rLeft0), Ycc.red(yRight0, rRight0)))
    v128.store(to, Ycc.both(Ycc.red(yLeft1, rLeft1), Ycc.red(yRight1, rRight1)), 16)
    v128.store(to, Ycc.both(Ycc.green(yLeft0, bLeft0, rLeft0), Ycc.green(yRight0, bRight0, rRight0)), PAIR)
    v128.store(to, Ycc.both(Ycc.green(yLeft1, bLeft1, rLeft1), Ycc.green(yRight1, bRight1, rRight1)), PAIR + 16)
    v128.store(to, Ycc.both(Ycc.blue(yLeft0, bLeft0), Ycc.blue(yRight0, bRight0)), 2 * PAIR)
    v128.store(to, Ycc.both(Ycc.blue(yLeft1, bLeft1), Ycc.blue(yRight1, bRight1)), 2 * PAIR + 16)

    bLastUp = bUp
    bLastDown = bDown
    rLastUp = rUp
    rLastDown = rDown
    bUp = bNextUp
    bDown = bNextDown
    rUp = rNextUp
    rDown = rNextDown
  }
}

/**
 * Converts a strip of 16 rows at half the size, where each pixel has its own sample of colour.
 * @param y [columns, 16 rows] of int16, as `cb` and `cr`
 * @param first first pair of columns that is wanted; `end` is one after the last
 * @param to as in {@link toRgb}
 */
export function plainToRgb(y: usize, cb: usize, cr: usize, first: i32, end: i32, to: usize): void {
  const middle = i16x8.splat(128)
  for (let i = first; i < end; i++, to += PAIR_RGB) {
    for (let half: usize = 0; half < 32; half += 16) {
      const at = ((<usize>i) << 6) + half
      const yLeft = v128.load(y + at)
      const yRight = v128.load(y + at, 32)
      const bLeft = i16x8.sub(v128.load(cb + at), middle)
      const bRight = i16x8.sub(v128.load(cb + at, 32), middle)
      const rLeft = i16x8.sub(v128.load(cr + at), middle)
      const rRight = i16x8.sub(v128.load(cr + at, 32), middle)
      v128.store(to + half, Ycc.both(Ycc.red(yLeft, rLeft), Ycc.red(yRight, rRight)))
      v128.store(to + half, Ycc.both(Ycc.green(yLeft, bLeft, rLeft), Ycc.green(yRight, bRight, rRight)), PAIR)
      v128.store(to + half, Ycc.both(Ycc.blue(yLeft, bLeft), Ycc.blue(yRight, bRight)), 2 * PAIR)
    }
  }
}
