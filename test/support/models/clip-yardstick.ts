import { type Raster, resample } from '../../../src/images/resample.js'

/**
 * What CLIP's own preprocessing makes of an RGB image: torchvision's `Resize(size)` on Pillow, then `CenterCrop(size)`.
 * Where reference pixels are at hand a test holds this against them, bit for bit.
 * @returns [size, size, 3]
 */
export function clipYardstick(image: Raster, size: number): Uint8Array {
  const short = Math.min(image.width, image.height)
  const scaled = (edge: number) => (edge === short ? size : Math.trunc((size * edge) / short))
  const [width, height] = [scaled(image.width), scaled(image.height)]
  return resample(image, { width, height, left: offset(width, size), top: offset(height, size), size }, 'bicubic')
}

/** Python's `round((edge - size) / 2)`: halves go to the even neighbour. */
function offset(edge: number, size: number): number {
  const half = (edge - size) >> 1
  return (edge - size) % 2 === 0 || half % 2 === 0 ? half : half + 1
}

/** In levels of 255. */
export function meanAbsoluteDifference(a: Uint8Array, b: Uint8Array): number {
  if (a.length !== b.length)
    throw new RangeError(`two images of one size expected, found ${a.length} and ${b.length} bytes`)
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += Math.abs(a[i]! - b[i]!)
  return sum / a.length
}
