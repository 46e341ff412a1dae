/**
 * Pillow's resize of 8-bit channels: rows first, then columns, in fixed point, rounded to 8 bits in between. Weights
 * have 14 or 15 fractional bits where Pillow's have 22, because SIMD multiplies eight numbers of 16 bits at once.
 * Pixels are taken in pairs, so that one instruction multiplies two neighbours and adds the products.
 * https://github.com/python-pillow/Pillow/blob/main/src/libImaging/Resample.c
 */

/** Bytes of a pair of pixels in 16 rows: in one channel, in all three. */
export const PAIR: usize = 32
export const PAIR_RGB: usize = 3 * PAIR

/** Largest reach of a filter, in pairs of pixels. */
const MOST_PAIRS = 256
/** Weights of one filter before they are rounded. */
const WEIGHTS: usize = memory.data(2 * MOST_PAIRS * 8, 16)

class Kernel {
  /** Reach of the kernel to either side, in pixels of the input. */
  @inline
  static supportOf(scale: f64, bicubic: bool): f64 {
    return (bicubic ? 2 : 1) * max(scale, 1)
  }
}

/**
 * Bytes of the filter of one output pixel: first pair, number of pairs, weights. 0 if it reaches over too many pixels.
 */
export function filterSize(inSize: f64, outSize: i32, bicubic: bool): usize {
  const pairs = <i32>Kernel.supportOf(inSize / <f64>outSize, bicubic) + 3
  return pairs > MOST_PAIRS ? 0 : 8 + <usize>pairs * 4
}

function cubic(x: f64): f64 {
  const t = abs(x)
  if (t < 1) return (1.5 * t - 2.5) * t * t + 1
  return t < 2 ? (((t - 5) * t + 8) * t - 4) * -0.5 : 0
}

function linear(x: f64): f64 {
  return max(0, 1 - abs(x))
}

/**
 * Writes a filter for each output pixel: the input pixels that make it and their weights, in pairs that start at even
 * pixels.
 * @param offset pixels of the image before the source region of `inSize` pixels, the last of which may be a half
 * @param from first output pixel that is wanted
 * @param size as {@link filterSize} says
 * @returns fractional bits of the weights
 */
export function planFilter(
  to: usize,
  size: usize,
  inSize: f64,
  outSize: i32,
  offset: i32,
  from: i32,
  count: i32,
  bicubic: bool,
): i32 {
  const scale = inSize / <f64>outSize
  const filterScale = max(scale, 1)
  const support = Kernel.supportOf(scale, bicubic)
  // Weights are at most 1 / filterScale, or 1.5 times that where the edge of the image cuts the kernel off.
  const bits = filterScale > 1.6 ? 15 : 14
  for (let i = 0; i < count; i++, to += size) {
    const centre = (<f64>(from + i) + 0.5) * scale
    const first = max(0, <i32>(centre - support + 0.5))
    const end = min(<i32>ceil(inSize), <i32>(centre + support + 0.5))
    let sum: f64 = 0
    for (let k = first; k < end; k++) {
      // The last pixel may be a half.
      const share = min(1, inSize - <f64>k)
      const x = (<f64>k - centre + 0.5 * share) / filterScale
      const weight = share * (bicubic ? cubic(x) : linear(x))
      store<f64>(WEIGHTS + ((<usize>(k - first)) << 3), weight)
      sum += weight
    }
    const start = (offset + first) & ~1
    const pairs = (offset + end - start + 1) >> 1
    store<i32>(to, start >> 1)
    store<i32>(to, pairs, 4)
    memory.fill(to + 8, 0, (<usize>pairs) << 2)
    const weights = to + 8 + ((<usize>(offset + first - start)) << 1)
    for (let k = 0; k < end - first; k++)
      store<i16>(
        weights + ((<usize>k) << 1),
        <i16>nearest((load<f64>(WEIGHTS + ((<usize>k) << 3)) / sum) * <f64>(1 << bits)),
      )
  }
  return bits
}

/**
 * Resizes 16 rows.
 * @param filterSize bytes of `filter` for each pixel
 * @param strip [pairs, 3, 16 rows, 2 pixels]
 * @param origin first pair of `strip`
 * @param to [8, stride / 2, 2 rows]: pairs of rows, in them pixel by pixel, in them RGB
 */
export function resizeRows(
  strip: usize,
  origin: i32,
  filter: usize,
  filterSize: usize,
  bits: i32,
  count: i32,
  to: usize,
  stride: usize,
): void {
  const half = i32x4.splat(1 << (bits - 1))
  for (let i = 0; i < count; i++, filter += filterSize) {
    const start = strip + <usize>(load<i32>(filter) - origin) * PAIR_RGB
    const end = filter + 8 + ((<usize>load<i32>(filter, 4)) << 2)
    for (let channel: usize = 0; channel < 3; channel++) {
      let at = start + channel * PAIR
      let a = half
      let b = half
      let c = half
      let d = half
      for (let w = filter + 8; w < end; w += 4, at += PAIR_RGB) {
        const weights = v128.load_splat<i32>(w)
        a = i32x4.add(a, i32x4.dot_i16x8_s(v128.load_ext<u8>(at), weights))
        b = i32x4.add(b, i32x4.dot_i16x8_s(v128.load_ext<u8>(at, 8), weights))
        c = i32x4.add(c, i32x4.dot_i16x8_s(v128.load_ext<u8>(at, 16), weights))
        d = i32x4.add(d, i32x4.dot_i16x8_s(v128.load_ext<u8>(at, 24), weights))
      }
      const rows = i8x16.narrow_i16x8_u(
        i16x8.narrow_i32x4_s(i32x4.shr_s(a, bits), i32x4.shr_s(b, bits)),
        i16x8.narrow_i32x4_s(i32x4.shr_s(c, bits), i32x4.shr_s(d, bits)),
      )
      let out = to
      v128.store_lane<i16>(out, rows, 0)
      out += stride
      v128.store_lane<i16>(out, rows, 1)
      out += stride
      v128.store_lane<i16>(out, rows, 2)
      out += stride
      v128.store_lane<i16>(out, rows, 3)
      out += stride
      v128.store_lane<i16>(out, rows, 4)
      out += stride
      v128.store_lane<i16>(out, rows, 5)
      out += stride
      v128.store_lane<i16>(out, rows, 6)
      out += stride
      v128.store_lane<i16>(out, rows, 7)
      to += 2
    }
  }
}

/**
 * Resizes columns, all at once.
 * @param from pairs of rows as {@link resizeRows} gives them, `stride` bytes each, a multiple of 32
 * @param to [count, width]; up to 15 bytes behind are overwritten
 */
export function resizeColumns(
  from: usize,
  origin: i32,
  stride: usize,
  filter: usize,
  filterSize: usize,
  bits: i32,
  count: i32,
  to: usize,
  width: usize,
): void {
  const half = i32x4.splat(1 << (bits - 1))
  for (let i = 0; i < count; i++, filter += filterSize, to += width) {
    const start = from + <usize>(load<i32>(filter) - origin) * stride
    const end = filter + 8 + ((<usize>load<i32>(filter, 4)) << 2)
    for (let x: usize = 0; x < width; x += 16) {
      let at = start + 2 * x
      let a = half
      let b = half
      let c = half
      let d = half
      for (let w = filter + 8; w < end; w += 4, at += stride) {
        const weights = v128.load_splat<i32>(w)
        a = i32x4.add(a, i32x4.dot_i16x8_s(v128.load_ext<u8>(at), weights))
        b = i32x4.add(b, i32x4.dot_i16x8_s(v128.load_ext<u8>(at, 8), weights))
        c = i32x4.add(c, i32x4.dot_i16x8_s(v128.load_ext<u8>(at, 16), weights))
        d = i32x4.add(d, i32x4.dot_i16x8_s(v128.load_ext<u8>(at, 24), weights))
      }
      v128.store(
        to + x,
        i8x16.narrow_i16x8_u(
          i16x8.narrow_i32x4_s(i32x4.shr_s(a, bits), i32x4.shr_s(b, bits)),
          i16x8.narrow_i32x4_s(i32x4.shr_s(c, bits), i32x4.shr_s(d, bits)),
        ),
      )
    }
  }
}
