import type { Camera } from './camera.js'

/** In the place of a value: the photo has none, or another one. */
export const NO_VALUE = 255

/** The part of a canvas' context that is used here. */
export interface PixelContext {
  readonly canvas: { readonly width: number; readonly height: number }
  createImageData(width: number, height: number): { readonly data: Uint8ClampedArray<ArrayBufferLike> }
  putImageData(image: { readonly data: Uint8ClampedArray<ArrayBufferLike> }, x: number, y: number): void
}

/** Colours as the pixels of a canvas hold them: bytes of red, green, blue and alpha. */
export interface Palette {
  values: Uint32Array
  others: number
  faded: number
}

export interface Drawn {
  /** x and y in turns */
  places: Float32Array
  /** Position of the value of each point; null: all have one colour. */
  colors: Uint8Array | null
  /** Only this value is in its colour. */
  only: number | null
  palette: Palette
}

/**
 * Draws points as squares, straight into the pixels: 100,000 of them take some milliseconds.
 * @param side of a point, in pixels of the canvas
 */
export function drawPoints(context: PixelContext, camera: Camera, drawn: Drawn, ratio: number, side: number) {
  const { width, height } = context.canvas
  const image = context.createImageData(width, height)
  const pixels = new Uint32Array(image.data.buffer)
  const { places, colors, only, palette } = drawn
  const scale = camera.scale * ratio
  const [left, top] = [width / 2 - camera.x * scale - side / 2, height / 2 - camera.y * scale - side / 2]
  // What is chosen lies above the rest.
  for (let pass = only === null ? 1 : 0; pass < 2; pass++)
    for (let i = 0, at = 0; at < places.length; i++, at += 2) {
      const value = colors ? colors[i]! : 0
      if (only !== null && (value === only) !== (pass === 1)) continue
      const x = Math.round(places[at]! * scale + left)
      const y = Math.round(places[at + 1]! * scale + top)
      if (x < 0 || y < 0 || x + side > width || y + side > height) continue
      const color = pass === 0 ? palette.faded : value === NO_VALUE ? palette.others : palette.values[value]!
      for (let row = 0, start = y * width + x; row < side; row++, start += width)
        for (let pixel = start; pixel < start + side; pixel++) pixels[pixel] = color
    }
  context.putImageData(image, 0, 0)
}

/** Points that are shown, at most `most + 1` of them. */
export function pointsInside(
  places: Float32Array,
  { x, y, scale }: Camera,
  width: number,
  height: number,
  most: number,
) {
  const [halfWidth, halfHeight] = [width / 2 / scale, height / 2 / scale]
  const inside: number[] = []
  for (let i = 0, at = 0; at < places.length && inside.length <= most; i++, at += 2)
    if (Math.abs(places[at]! - x) <= halfWidth && Math.abs(places[at + 1]! - y) <= halfHeight) inside.push(i)
  return inside
}

/** The point nearest to a place, no farther than `reach`; null: none. */
export function nearestPoint(places: Float32Array, x: number, y: number, reach: number): number | null {
  let nearest: number | null = null
  let least = reach * reach
  for (let i = 0, at = 0; at < places.length; i++, at += 2) {
    const squared = (places[at]! - x) ** 2 + (places[at + 1]! - y) ** 2
    if (squared > least) continue
    least = squared
    nearest = i
  }
  return nearest
}
