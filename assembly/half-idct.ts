/**
 * The inverse DCT with which libjpeg decodes at half the size (jidctred.c, jpeg_idct_4x4), bit for bit.
 * https://github.com/libjpeg-turbo/libjpeg-turbo/blob/main/src/jidctred.c
 */
import { CONST_BITS, Idct, PASS1_BITS } from './idct'
import { Interleave } from './interleave'

const F_0_211: i16 = 1730
const F_0_509: i16 = 4176
const F_0_601: i16 = 4926
const F_0_765: i16 = 6270
const F_0_899: i16 = 7373
const F_1_061: i16 = 8697
const F_1_451: i16 = 11893
const F_1_847: i16 = 15137
const F_2_172: i16 = 17799
const F_2_562: i16 = 20995

/** Results of a pass. */
const OUT: usize = memory.data(64, 16)

class HalfIdct {
  /**
   * One pass over four columns: from the coefficients of each to four results, four vectors of int32 at {@link OUT}.
   * @param in0 the first coefficients, int32; the others in pairs of int16: the second beside the sixth, and so on
   * @param shift fractional bits that are rounded away
   */
  @inline
  static pass(in0: v128, in15: v128, in26: v128, in37: v128, shift: i32): void {
    const first = i32x4.add(i32x4.shl(in0, CONST_BITS + 1), i32x4.splat(1 << (shift - 1)))
    const even = i32x4.dot_i16x8_s(in26, Idct.pair(F_1_847, -F_0_765))
    const outer = i32x4.add(
      i32x4.dot_i16x8_s(in15, Idct.pair(F_2_562, -F_0_601)),
      i32x4.dot_i16x8_s(in37, Idct.pair(F_0_899, -F_0_509)),
    )
    const inner = i32x4.add(
      i32x4.dot_i16x8_s(in15, Idct.pair(F_1_061, F_1_451)),
      i32x4.dot_i16x8_s(in37, Idct.pair(-F_2_172, -F_0_211)),
    )
    const sum = i32x4.add(first, even)
    const difference = i32x4.sub(first, even)
    v128.store(OUT, i32x4.shr_s(i32x4.add(sum, outer), shift))
    v128.store(OUT, i32x4.shr_s(i32x4.add(difference, inner), shift), 16)
    v128.store(OUT, i32x4.shr_s(i32x4.sub(difference, inner), shift), 32)
    v128.store(OUT, i32x4.shr_s(i32x4.sub(sum, outer), shift), 48)
  }
}

/**
 * @param block [8, 8] of int16, row by row, dequantised coefficients
 * @param to column by column: four pixels of 16 bits; the next column is `stride` bytes further
 */
export function halfInverseDct(block: usize, to: usize, stride: usize): void {
  const in0 = v128.load(block)
  const in1 = v128.load(block, 16)
  const in2 = v128.load(block, 32)
  const in3 = v128.load(block, 48)
  const in5 = v128.load(block, 80)
  const in6 = v128.load(block, 96)
  const in7 = v128.load(block, 112)
  const shift = CONST_BITS - PASS1_BITS + 1
  HalfIdct.pass(
    i32x4.extend_low_i16x8_s(in0),
    Interleave.low(in1, in5),
    Interleave.low(in2, in6),
    Interleave.low(in3, in7),
    shift,
  )
  const l0 = v128.load(OUT)
  const l1 = v128.load(OUT, 16)
  const l2 = v128.load(OUT, 32)
  const l3 = v128.load(OUT, 48)
  HalfIdct.pass(
    i32x4.extend_high_i16x8_s(in0),
    Interleave.high(in1, in5),
    Interleave.high(in2, in6),
    Interleave.high(in3, in7),
    shift,
  )
  const r0 = i16x8.narrow_i32x4_s(l0, v128.load(OUT))
  const r1 = i16x8.narrow_i32x4_s(l1, v128.load(OUT, 16))
  const r2 = i16x8.narrow_i32x4_s(l2, v128.load(OUT, 32))
  const r3 = i16x8.narrow_i32x4_s(l3, v128.load(OUT, 48))

  // From rows of eight to columns of four, two in a vector.
  const a0 = Interleave.low(r0, r1)
  const a1 = Interleave.high(r0, r1)
  const a2 = Interleave.low(r2, r3)
  const a3 = Interleave.high(r2, r3)
  const c01 = v128.shuffle<i32>(a0, a2, 0, 4, 1, 5)
  const c23 = v128.shuffle<i32>(a0, a2, 2, 6, 3, 7)
  const c45 = v128.shuffle<i32>(a1, a3, 0, 4, 1, 5)
  const c67 = v128.shuffle<i32>(a1, a3, 2, 6, 3, 7)
  HalfIdct.pass(
    i32x4.extend_low_i16x8_s(c01),
    Interleave.high(c01, c45),
    Interleave.low(c23, c67),
    Interleave.high(c23, c67),
    CONST_BITS + PASS1_BITS + 4,
  )
  const left = Idct.inRange(i16x8.narrow_i32x4_s(v128.load(OUT), v128.load(OUT, 16)))
  const right = Idct.inRange(i16x8.narrow_i32x4_s(v128.load(OUT, 32), v128.load(OUT, 48)))
  v128.store64_lane(to, left, 0)
  v128.store64_lane(to + stride, left, 1)
  v128.store64_lane(to + 2 * stride, right, 0)
  v128.store64_lane(to + 3 * stride, right, 1)
}

/** Fills a block whose only coefficient is the first. */
export function halfFlatBlock(coefficient: i32, to: usize, stride: usize): void {
  const value = Idct.flatPixel(coefficient)
  v128.store64_lane(to, value, 0)
  v128.store64_lane(to + stride, value, 0)
  v128.store64_lane(to + 2 * stride, value, 0)
  v128.store64_lane(to + 3 * stride, value, 0)
}
