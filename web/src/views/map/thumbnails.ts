import { type Camera, type Size, toScreen } from './camera.js'
import { pointsInside } from './draw-points.js'

export interface Thumbnail {
  index: number
  /** Pixels from the upper left corner of the map to the middle of the picture. */
  x: number
  y: number
}

/** Width and height of a picture. */
export const THUMBNAIL = 64
/** From this many points on, the map shows only points. */
const MOST_POINTS = 1500

/**
 * The photos that are shown as pictures: none from afar; near, one per cell of the plane, so that pictures stay while the
 * map moves, and more come as it grows.
 */
export function thumbnailsOf(places: Float32Array, camera: Camera, size: Size): Thumbnail[] {
  const inside = pointsInside(places, camera, size.width, size.height, MOST_POINTS)
  if (inside.length > MOST_POINTS) return []
  // A power of two, so that cells change only where the scale doubles.
  const cell = 2 ** Math.ceil(Math.log2(THUMBNAIL / camera.scale))
  const taken = new Set<string>()
  return inside.flatMap(index => {
    const [x, y] = [places[2 * index]!, places[2 * index + 1]!]
    const key = `${Math.floor(x / cell)} ${Math.floor(y / cell)}`
    if (taken.has(key)) return []
    taken.add(key)
    return [{ index, ...toScreen(camera, size, x, y) }]
  })
}
