/** The part of the plane that is shown: the place in the middle, and pixels per unit. */
export interface Camera {
  x: number
  y: number
  scale: number
}

export interface Size {
  width: number
  height: number
}

export interface Bounds {
  left: number
  right: number
  top: number
  bottom: number
}

const MARGIN = 0.06
const MOST_ZOOM = 2000

/** @param places x and y in turns */
export function boundsOf(places: Float32Array): Bounds {
  const bounds = { left: Infinity, right: -Infinity, top: Infinity, bottom: -Infinity }
  for (let at = 0; at < places.length; at += 2) {
    bounds.left = Math.min(bounds.left, places[at]!)
    bounds.right = Math.max(bounds.right, places[at]!)
    bounds.top = Math.min(bounds.top, places[at + 1]!)
    bounds.bottom = Math.max(bounds.bottom, places[at + 1]!)
  }
  return bounds
}

/** All of the plane, with a margin. */
export function fitted({ left, right, top, bottom }: Bounds, { width, height }: Size): Camera {
  const inside = 1 - 2 * MARGIN
  const scale = Math.min((width * inside) / (right - left || 1), (height * inside) / (bottom - top || 1))
  return { x: (left + right) / 2, y: (top + bottom) / 2, scale }
}

/** Moves what is shown by pixels. */
export function panned({ x, y, scale }: Camera, dx: number, dy: number): Camera {
  return { x: x - dx / scale, y: y - dy / scale, scale }
}

/** Zooms around a pixel, which keeps its place. @param whole the camera that shows everything */
export function zoomed(
  camera: Camera,
  factor: number,
  at: { x: number; y: number },
  size: Size,
  whole: Camera,
): Camera {
  const scale = Math.min(MOST_ZOOM * whole.scale, Math.max(whole.scale / 2, camera.scale * factor))
  const [dx, dy] = [at.x - size.width / 2, at.y - size.height / 2]
  return {
    x: camera.x + dx / camera.scale - dx / scale,
    y: camera.y + dy / camera.scale - dy / scale,
    scale,
  }
}

export function toScreen({ x, y, scale }: Camera, { width, height }: Size, placeX: number, placeY: number) {
  return { x: (placeX - x) * scale + width / 2, y: (placeY - y) * scale + height / 2 }
}

/** For the address: the middle, and how much nearer it is than the whole. */
export function cameraText(camera: Camera, whole: Camera): string {
  return [camera.x, camera.y, camera.scale / whole.scale].map(value => Number(value.toPrecision(5))).join(',')
}

/** @returns null for a text that is none */
export function parsedCamera(text: string | null, whole: Camera): Camera | null {
  const [x, y, zoom] = (text ?? '').split(',').map(Number)
  if (![x, y, zoom].every(Number.isFinite) || text === '' || !(zoom! > 0)) return null
  return { x: x!, y: y!, scale: zoom! * whole.scale }
}
