/**
 * The inverse DCT that libjpeg calls "islow" (jidctint.c), bit for bit, eight columns and then eight rows at once.
 * https://github.com/libjpeg-turbo/libjpeg-turbo/blob/main/src/jidctint.c
 */
import { Interleave } from './interleave'

export const CONST_BITS: i32 = 13
export const PASS1_BITS: i32 = 2
const F_0_298: i16 = 2446
const F_0_390: i16 = 3196
const F_0_541: i16 = 4433
const F_0_765: i16 = 6270
const F_0_899: i16 = 7373
const F_1_175: i16 = 9633
const F_1_501: i16 = 12299
const F_1_847: i16 = 15137
const F_1_961: i16 = 16069
const F_2_053: i16 = 16819
const F_2_562: i16 = 20995
const F_3_072: i16 = 25172

export class Idct {
  @inline
  static pair(a: i16, b: i16): v128 {
    return i32x4.splat((<i32>a & 0xffff) | ((<i32>b) << 16))
  }

  /** One pass over the eight vectors at `from`. @param shift fractional bits that are rounded away */
  @inline
  static pass(from: usize, shift: i32): void {
    const half = i32x4.splat(1 << (shift - 1))
    const in0 = v128.load(from)
    const in1 = v128.load(from, 16)
    const in2 = v128.load(from, 32)
    const in3 = v128.load(from, 48)
    const in4 = v128.load(from, 64)
    const in5 = v128.load(from, 80)
    const in6 = v128.load(from, 96)
    const in7 = v128.load(from, 112)

    // Even part.
    const a = Idct.pair(F_0_541, F_0_541 - F_1_847)
    const b = Idct.pair(F_0_541 + F_0_765, F_0_541)
    const low26 = Interleave.low(in2, in6)
    const high26 = Interleave.high(in2, in6)
    const t2l = i32x4.dot_i16x8_s(low26, a)
    const t2h = i32x4.dot_i16x8_s(high26, a)
    const t3l = i32x4.dot_i16x8_s(low26, b)
    const t3h = i32x4.dot_i16x8_s(high26, b)

    // In 16 bits, which wrap as libjpeg's SIMD code does.
    const sum = i16x8.add(in0, in4)
    const difference = i16x8.sub(in0, in4)
    const t0l = i32x4.add(i32x4.shl(i32x4.extend_low_i16x8_s(sum), CONST_BITS), half)
    const t0h = i32x4.add(i32x4.shl(i32x4.extend_high_i16x8_s(sum), CONST_BITS), half)
    const t1l = i32x4.add(i32x4.shl(i32x4.extend_low_i16x8_s(difference), CONST_BITS), half)
    const t1h = i32x4.add(i32x4.shl(i32x4.extend_high_i16x8_s(difference), CONST_BITS), half)
    const t10l = i32x4.add(t0l, t3l)
    const t10h = i32x4.add(t0h, t3h)
    const t13l = i32x4.sub(t0l, t3l)
    const t13h = i32x4.sub(t0h, t3h)
    const t11l = i32x4.add(t1l, t2l)
    const t11h = i32x4.add(t1h, t2h)
    const t12l = i32x4.sub(t1l, t2l)
    const t12h = i32x4.sub(t1h, t2h)

    // Odd part.
    const z3 = i16x8.add(in7, in3)
    const z4 = i16x8.add(in5, in1)
    const zl = Interleave.low(z3, z4)
    const zh = Interleave.high(z3, z4)
    const c = Idct.pair(F_1_175 - F_1_961, F_1_175)
    const d = Idct.pair(F_1_175, F_1_175 - F_0_390)
    const z3l = i32x4.dot_i16x8_s(zl, c)
    const z3h = i32x4.dot_i16x8_s(zh, c)
    const z4l = i32x4.dot_i16x8_s(zl, d)
    const z4h = i32x4.dot_i16x8_s(zh, d)
    const low71 = Interleave.low(in7, in1)
    const high71 = Interleave.high(in7, in1)
    const low53 = Interleave.low(in5, in3)
    const high53 = Interleave.high(in5, in3)
    const e = Idct.pair(F_0_298 - F_0_899, -F_0_899)
    const f = Idct.pair(-F_0_899, F_1_501 - F_0_899)
    const g = Idct.pair(F_2_053 - F_2_562, -F_2_562)
    const h = Idct.pair(-F_2_562, F_3_072 - F_2_562)
    const o0l = i32x4.add(i32x4.dot_i16x8_s(low71, e), z3l)
    const o0h = i32x4.add(i32x4.dot_i16x8_s(high71, e), z3h)
    const o3l = i32x4.add(i32x4.dot_i16x8_s(low71, f), z4l)
    const o3h = i32x4.add(i32x4.dot_i16x8_s(high71, f), z4h)
    const o1l = i32x4.add(i32x4.dot_i16x8_s(low53, g), z4l)
    const o1h = i32x4.add(i32x4.dot_i16x8_s(high53, g), z4h)
    const o2l = i32x4.add(i32x4.dot_i16x8_s(low53, h), z3l)
    const o2h = i32x4.add(i32x4.dot_i16x8_s(high53, h), z3h)

    v128.store(WORK, Idct.scaled(i32x4.add(t10l, o3l), i32x4.add(t10h, o3h), shift))
    v128.store(WORK, Idct.scaled(i32x4.sub(t10l, o3l), i32x4.sub(t10h, o3h), shift), 112)
    v128.store(WORK, Idct.scaled(i32x4.add(t11l, o2l), i32x4.add(t11h, o2h), shift), 16)
    v128.store(WORK, Idct.scaled(i32x4.sub(t11l, o2l), i32x4.sub(t11h, o2h), shift), 96)
    v128.store(WORK, Idct.scaled(i32x4.add(t12l, o1l), i32x4.add(t12h, o1h), shift), 32)
    v128.store(WORK, Idct.scaled(i32x4.sub(t12l, o1l), i32x4.sub(t12h, o1h), shift), 80)
    v128.store(WORK, Idct.scaled(i32x4.add(t13l, o0l), i32x4.add(t13h, o0h), shift), 48)
    v128.store(WORK, Idct.scaled(i32x4.sub(t13l, o0l), i32x4.sub(t13h, o0h), shift), 64)
  }

  @inline
  static scaled(l: v128, h: v128, shift: i32): v128 {
    return i16x8.narrow_i32x4_s(i32x4.shr_s(l, shift), i32x4.shr_s(h, shift))
  }

  /** Shifts -128…127 to 0…255 and clamps. */
  @inline
  static inRange(v: v128): v128 {
    return i16x8.min_s(i16x8.max_s(i16x8.add_sat_s(v, i16x8.splat(128)), i16x8.splat(0)), i16x8.splat(255))
  }

  @inline
  static flatPixel(coefficient: i32): v128 {
    return i16x8.splat(<i16>max(0, min(255, ((<i32>(<i16>(coefficient << PASS1_BITS)) + 16) >> 5) + 128)))
  }

  @inline
  static transpose(): void {
    const r0 = v128.load(WORK)
    const r1 = v128.load(WORK, 16)
    const r2 = v128.load(WORK, 32)
    const r3 = v128.load(WORK, 48)
    const r4 = v128.load(WORK, 64)
    const r5 = v128.load(WORK, 80)
    const r6 = v128.load(WORK, 96)
    const r7 = v128.load(WORK, 112)
    const a0 = Interleave.low(r0, r1)
    const a1 = Interleave.high(r0, r1)
    const a2 = Interleave.low(r2, r3)
    const a3 = Interleave.high(r2, r3)
    const a4 = Interleave.low(r4, r5)
    const a5 = Interleave.high(r4, r5)
    const a6 = Interleave.low(r6, r7)
    const a7 = Interleave.high(r6, r7)
    const b0 = v128.shuffle<i32>(a0, a2, 0, 4, 1, 5)
    const b1 = v128.shuffle<i32>(a0, a2, 2, 6, 3, 7)
    const b2 = v128.shuffle<i32>(a1, a3, 0, 4, 1, 5)
    const b3 = v128.shuffle<i32>(a1, a3, 2, 6, 3, 7)
    const b4 = v128.shuffle<i32>(a4, a6, 0, 4, 1, 5)
    const b5 = v128.shuffle<i32>(a4, a6, 2, 6, 3, 7)
    const b6 = v128.shuffle<i32>(a5, a7, 0, 4, 1, 5)
    const b7 = v128.shuffle<i32>(a5, a7, 2, 6, 3, 7)
    v128.store(WORK, v128.shuffle<i64>(b0, b4, 0, 2))
    v128.store(WORK, v128.shuffle<i64>(b0, b4, 1, 3), 16)
    v128.store(WORK, v128.shuffle<i64>(b1, b5, 0, 2), 32)
    v128.store(WORK, v128.shuffle<i64>(b1, b5, 1, 3), 48)
    v128.store(WORK, v128.shuffle<i64>(b2, b6, 0, 2), 64)
    v128.store(WORK, v128.shuffle<i64>(b2, b6, 1, 3), 80)
    v128.store(WORK, v128.shuffle<i64>(b3, b7, 0, 2), 96)
    v128.store(WORK, v128.shuffle<i64>(b3, b7, 1, 3), 112)
  }
}

/** Results of a pass, eight vectors. */
const WORK: usize = memory.data(128, 16)

/**
 * @param block [8, 8] of int16, row by row, dequantised coefficients
 * @param to column by column: eight pixels of 16 bits; the next column is `stride` bytes further
 */
export function inverseDct(block: usize, to: usize, stride: usize): void {
  Idct.pass(block, CONST_BITS - PASS1_BITS)
  Idct.transpose()
  Idct.pass(WORK, CONST_BITS + PASS1_BITS + 3)
  for (let i: usize = 0; i < 8; i++) {
    v128.store(to, Idct.inRange(v128.load(WORK + (i << 4))))
    to += stride
  }
}

/** Fills a block whose only coefficient is the first. */
export function flatBlock(coefficient: i32, to: usize, stride: usize): void {
  const value = Idct.flatPixel(coefficient)
  for (let i = 0; i < 8; i++) {
    v128.store(to, value)
    to += stride
  }
}
