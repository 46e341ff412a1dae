import type { ImageInput } from '../domain/image-input.js'

/** Pixels of 8 bits a channel. */
export interface Raster {
  /** [height, width, channels] */
  data: Uint8Array
  width: number
  height: number
  /** 3: RGB, 4: RGBA */
  channels: number
}

/** A part of an image that was resized to `width` × `height`. */
export interface Window {
  width: number
  height: number
  left: number
  top: number
  /** Side of the part, in pixels. */
  size: number
}

type Kernel = ImageInput['kernel']

/** Coefficients are integers with so many fractional bits. */
const PRECISION_BITS = 32 - 8 - 2
const HALF = 1 << (PRECISION_BITS - 1)
/** `support` in pixels of the smaller of both images. */
const KERNELS: Record<Kernel, { support: number; weight: (x: number) => number }> = {
  bicubic: { support: 2, weight: cubic },
  bilinear: { support: 1, weight: x => Math.max(0, 1 - Math.abs(x)) },
}

/**
 * Pillow's resize of 8-bit channels, bit for bit, but only of the part that is wanted: rows first, then columns, in fixed
 * point, rounded to 8 bits in between; alpha is multiplied in before and divided out after. Shrinking widens the kernel.
 * https://github.com/python-pillow/Pillow/blob/main/src/libImaging/Resample.c
 *
 * @returns [size, size, 3], RGB: alpha is dropped
 */
export function resample(image: Raster, window: Window, kernel: Kernel): Uint8Array {
  const { channels } = image
  const { size } = window
  const across = taps({ inSize: image.width, outSize: window.width }, { from: window.left, count: size }, kernel)
  const down = taps({ inSize: image.height, outSize: window.height }, { from: window.top, count: size }, kernel)
  const source = channels === 4 ? premultiplied(image.data) : image.data
  const firstRow = down[0]!.first
  const rows = down[size - 1]!.first + down[size - 1]!.weights.length - firstRow
  const narrow = resizeRows(source, { stride: image.width * channels, firstRow, rows, channels }, across)
  const square = resizeColumns(narrow, { stride: size * channels, firstRow }, down)
  return channels === 4 ? withoutAlpha(square) : square
}

/** Which pixels of the input make one of the output, and with which weights. */
interface Taps {
  first: number
  /** In fixed point; they sum to one. */
  weights: Int32Array
}

/** @param part first pixel of the output that is wanted, and how many */
function taps(
  { inSize, outSize }: { inSize: number; outSize: number },
  part: { from: number; count: number },
  kernel: Kernel,
): Taps[] {
  const { from, count } = part
  const scale = inSize / outSize
  const filterScale = Math.max(scale, 1)
  const { support: reach, weight } = KERNELS[kernel]
  const support = reach * filterScale
  return Array.from({ length: count }, (_, i) => {
    const centre = (from + i + 0.5) * scale
    const first = Math.max(0, Math.trunc(centre - support + 0.5))
    const end = Math.min(inSize, Math.trunc(centre + support + 0.5))
    const weights = Array.from({ length: end - first }, (_, k) => weight((k + first - centre + 0.5) / filterScale))
    const sum = weights.reduce((a, b) => a + b, 0)
    return { first, weights: Int32Array.from(weights, weight => fixedPoint(weight / sum)) }
  })
}

/** Catmull and Rom's kernel (a = -0.5). */
function cubic(x: number): number {
  const t = Math.abs(x)
  if (t < 1) return (1.5 * t - 2.5) * t * t + 1
  return t < 2 ? (((t - 5) * t + 8) * t - 4) * -0.5 : 0
}

function fixedPoint(weight: number): number {
  return Math.trunc((weight < 0 ? -0.5 : 0.5) + weight * (1 << PRECISION_BITS))
}

function resizeRows(
  source: Uint8Array,
  from: { stride: number; firstRow: number; rows: number; channels: number },
  across: readonly Taps[],
): Uint8Array {
  const { stride, firstRow, rows, channels } = from
  const out = new Uint8Array(rows * across.length * channels)
  let to = 0
  for (let row = firstRow; row < firstRow + rows; row++)
    for (const { first, weights } of across)
      for (let channel = 0; channel < channels; channel++) {
        let sum = HALF
        let at = row * stride + first * channels + channel
        for (let k = 0; k < weights.length; k++, at += channels) sum += source[at]! * weights[k]!
        out[to++] = clamped(sum)
      }
  return out
}

/** @param from.firstRow row of the whole image that `source` begins with */
function resizeColumns(
  source: Uint8Array,
  from: { stride: number; firstRow: number },
  down: readonly Taps[],
): Uint8Array {
  const { stride, firstRow } = from
  const out = new Uint8Array(down.length * stride)
  let to = 0
  for (const { first, weights } of down)
    for (let column = 0; column < stride; column++) {
      let sum = HALF
      let at = (first - firstRow) * stride + column
      for (let k = 0; k < weights.length; k++, at += stride) sum += source[at]! * weights[k]!
      out[to++] = clamped(sum)
    }
  return out
}

function clamped(sum: number): number {
  return Math.min(255, Math.max(0, sum >> PRECISION_BITS))
}

function premultiplied(rgba: Uint8Array): Uint8Array {
  const out = new Uint8Array(rgba)
  for (let i = 0; i < out.length; i += 4)
    for (let c = 0; c < 3; c++) {
      const product = out[i + c]! * out[i + 3]! + 128
      out[i + c] = ((product >> 8) + product) >> 8
    }
  return out
}

function withoutAlpha(premultiplied: Uint8Array): Uint8Array {
  const out = new Uint8Array((premultiplied.length / 4) * 3)
  for (let from = 0, to = 0; from < premultiplied.length; from += 4) {
    const alpha = premultiplied[from + 3]!
    for (let c = 0; c < 3; c++) {
      const value = premultiplied[from + c]!
      out[to++] = alpha === 0 ? value : Math.min(255, Math.trunc((255 * value) / alpha))
    }
  }
  return out
}
