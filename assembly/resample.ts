/**
 * Pillow's resize of 8-bit channels: rows first, then columns, in fixed point, rounded to 8 bits in between. Weights have 14
 * or 15 fractional bits where Pillow's have 22, since of 16 bits the machine multiplies eight at once.
 * https://github.com/python-pillow/Pillow/blob/main/src/libImaging/Resample.c
 */

/** Bytes of one pixel pair's 16 rows in one channel, and in all three. */
export const PAIR: usize = 32
export const PAIR_RGB: usize = 3 * PAIR

/** Most pixels of the input that make one of the output, counted in pairs. */
const MOST_PAIRS = 256
/** Weights of one pixel before they are rounded. */
const WEIGHTS: usize = memory.data(2 * MOST_PAIRS * 8, 16)

/** Pixels of the smaller image that the kernel reaches to either side. */
// @ts-ignore: decorator
@inline
function supportOf(scale: f64, bicubic: bool): f64 {
  return (bicubic ? 2 : 1) * max(scale, 1)
}

/**
 * Bytes of what {@link planTaps} writes for one pixel of the output: its first pair, how many there are, and their weights.
 * 0 if it is made of too many.
 */
export function tapsSize(inSize: f64, outSize: i32, bicubic: bool): usize {
  const pairs = <i32>supportOf(inSize / <f64>outSize, bicubic) + 3
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
 * Which pixels of the input make one of the output, and with which weights, in pairs that start at even pixels.
 * @param offset pixels of the image before the part that is resized, of `inSize` pixels: the last may be a half
 * @param from first pixel of the output that is wanted
 * @param size as {@link tapsSize} says
 * @returns fractional bits of the weights
 */
export function planTaps(
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
  const support = supportOf(scale, bicubic)
  // No weight is larger than 1 / filterScale, or half as much more where the image's edge cuts the kernel off.
  const bits = filterScale > 1.6 ? 15 : 14
  for (let i = 0; i < count; i++, to += size) {
    const centre = (<f64>(from + i) + 0.5) * scale
    const first = max(0, <i32>(centre - support + 0.5))
    const end = min(<i32>ceil(inSize), <i32>(centre + support + 0.5))
    let sum: f64 = 0
    for (let k = first; k < end; k++) {
      // How much of the pixel there is.
      const share = min(1, inSize - <f64>k)
      const x = (<f64>k - centre + 0.5 * share) / filterScale
      const weight = share * (bicubic ? cubic(x) : linear(x))
      store<f64>(WEIGHTS + (<usize>(k - first) << 3), weight)
      sum += weight
    }
    const start = (offset + first) & ~1
    const pairs = (offset + end - start + 1) >> 1
    store<i32>(to, start >> 1)
    store<i32>(to, pairs, 4)
    memory.fill(to + 8, 0, <usize>pairs << 2)
    const weights = to + 8 + (<usize>(offset + first - start) << 1)
    for (let k = 0; k < end - first; k++)
      store<i16>(weights + (<usize>k << 1), <i16>nearest((load<f64>(WEIGHTS + (<usize>k << 3)) / sum) * <f64>(1 << bits)))
  }
  return bits
}

/**
 * Resizes 16 rows.
 * @param tapsSize bytes of `taps` for each pixel
 * @param strip [pairs, 3, 16 rows, 2 pixels]
 * @param origin pair that `strip` begins with
 * @param to [8, stride / 2, 2 rows]: pairs of rows, in them pixel by pixel, in them RGB
 */
export function resizeRows(
  strip: usize,
  origin: i32,
  taps: usize,
  tapsSize: usize,
  bits: i32,
  count: i32,
  to: usize,
  stride: usize,
): void {
  const half = i32x4.splat(1 << (bits - 1))
  for (let i = 0; i < count; i++, taps += tapsSize) {
    const start = strip + <usize>(load<i32>(taps) - origin) * PAIR_RGB
    const end = taps + 8 + (<usize>load<i32>(taps, 4) << 2)
    for (let channel: usize = 0; channel < 3; channel++) {
      let at = start + channel * PAIR
      let a = half
      let b = half
      let c = half
      let d = half
      for (let w = taps + 8; w < end; w += 4, at += PAIR_RGB) {
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
 * @param to [count, width]: up to 15 bytes behind them are written as well
 */
export function resizeColumns(
  from: usize,
  origin: i32,
  stride: usize,
  taps: usize,
  tapsSize: usize,
  bits: i32,
  count: i32,
  to: usize,
  width: usize,
): void {
  const half = i32x4.splat(1 << (bits - 1))
  for (let i = 0; i < count; i++, taps += tapsSize, to += width) {
    const start = from + <usize>(load<i32>(taps) - origin) * stride
    const end = taps + 8 + (<usize>load<i32>(taps, 4) << 2)
    for (let x: usize = 0; x < width; x += 16) {
      let at = start + 2 * x
      let a = half
      let b = half
      let c = half
      let d = half
      for (let w = taps + 8; w < end; w += 4, at += stride) {
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
