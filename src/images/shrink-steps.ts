import type { Size } from './orientation.js'

/**
 * From a factor of 4 on libvips averages blocks of pixels before it filters. Below, it filters alone, as Pillow does:
 * 0.2/255 apart at the median of real photos (docs/explanation/images.md).
 */
const MAX_SHRINK = 3.9

/**
 * Splits a resize into steps that shrink by at most {@link MAX_SHRINK} each.
 *
 * A JPEG may be decoded at a half, a quarter or an eighth on the way to the first intermediate size, which is then the
 * only one. At least 4.4 pixels of the smaller image then make one of the result, which keeps the difference to full
 * decoding at 0.21/255 on average (docs/explanation/images.md). The scale must divide both edges: else the last row or
 * column of the smaller image stands for a part of a pixel, and everything is off by that share (0.6/255 at 4421 ×
 * 3000, halved).
 *
 * @param isScalable whether the image may be decoded at a scale
 * @returns the intermediate sizes, largest first, and whether decoding at a scale leads to the first
 */
export function shrinkSteps(from: Size, to: Size, isScalable: boolean): { steps: Size[]; scaled: boolean } {
  const between = (scale: number) => ({
    width: Math.min(from.width, Math.round(to.width * scale)),
    height: Math.min(from.height, Math.round(to.height * scale)),
  })
  const last = between(MAX_SHRINK)
  const [across, down] = [from.width / last.width, from.height / last.height]
  const scale = isScalable ? scaleOfSharp(Math.min(across, down)) : 1
  const isDivisible = from.width % scale === 0 && from.height % scale === 0
  if (scale > 1 && Math.max(across, down) <= scale * MAX_SHRINK && isDivisible) return { steps: [last], scaled: true }
  const shrink = Math.max(from.width / to.width, from.height / to.height)
  const count = Math.max(1, Math.ceil(Math.log(shrink) / Math.log(MAX_SHRINK))) - 1
  return { steps: Array.from({ length: count }, (_, i) => between(MAX_SHRINK ** (count - i))), scaled: false }
}

/** The scale at which sharp decodes a JPEG that shrinks by that factor (src/pipeline.cc, `jpegShrinkOnLoad`). */
function scaleOfSharp(shrink: number): number {
  const scale = [8, 4, 2].find(scale => shrink >= scale) ?? 1
  return scale > 1 && Math.floor(shrink) === scale ? scale / 2 : scale
}
