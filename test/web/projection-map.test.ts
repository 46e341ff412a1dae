import { describe, expect, test } from 'vitest'
import { boundsOf, cameraText, fitted, panned, parsedCamera, toScreen, zoomed } from '../../web/src/views/map/camera.js'
import { drawPoints, nearestPoint } from '../../web/src/views/map/draw-points.js'
import { paletteOf } from '../../web/src/views/map/palette.js'
import { THUMBNAIL, thumbnailsOf } from '../../web/src/views/map/thumbnails.js'

const SIZE = { width: 800, height: 400 }
const PLACES = Float32Array.of(-2, -1, 2, 1, 0, 0)

describe('the camera of the map', () => {
  const whole = fitted(boundsOf(PLACES), SIZE)

  test('shows all points with a margin', () => {
    for (let at = 0; at < PLACES.length; at += 2) {
      const { x, y } = toScreen(whole, SIZE, PLACES[at]!, PLACES[at + 1]!)
      expect(x).toBeGreaterThan(20)
      expect(x).toBeLessThan(SIZE.width - 20)
      expect(y).toBeGreaterThan(20)
      expect(y).toBeLessThan(SIZE.height - 20)
    }
    expect(fitted(boundsOf(Float32Array.of(3, 3)), SIZE)).toMatchObject({ x: 3, y: 3 })
  })

  test('zooms around a pixel, which keeps its place, and pans by pixels', () => {
    const at = toScreen(whole, SIZE, 2, 1)
    const near = zoomed(whole, 4, at, SIZE, whole)
    expect(near.scale).toBeCloseTo(4 * whole.scale)
    expect(toScreen(near, SIZE, 2, 1).x).toBeCloseTo(at.x)
    expect(toScreen(near, SIZE, 2, 1).y).toBeCloseTo(at.y)
    expect(toScreen(panned(near, 10, -20), SIZE, 2, 1)).toEqual({
      x: expect.closeTo(at.x + 10),
      y: expect.closeTo(at.y - 20),
    })
    expect(zoomed(whole, 1e-9, at, SIZE, whole).scale).toBe(whole.scale / 2)
  })

  test('is in the address', () => {
    const camera = { x: 1.25, y: -0.5, scale: 3 * whole.scale }
    expect(parsedCamera(cameraText(camera, whole), whole)).toEqual({ ...camera, scale: expect.closeTo(camera.scale) })
    for (const text of [null, '', '1,2', 'a,b,c', '1,2,-3']) expect(parsedCamera(text, whole)).toBeNull()
  })
})

test('points are squares in the colours of their values, what is chosen above the rest', () => {
  const image = { data: new Uint8ClampedArray(4 * 20 * 10) }
  const context = { canvas: { width: 20, height: 10 }, createImageData: () => image, putImageData() {} }
  const palette = paletteOf('light')
  const draw = (only: number | null) => {
    image.data.fill(0)
    const drawn = {
      places: Float32Array.of(-5, 0, 5, 0, 5, 0, 90, 0),
      colors: Uint8Array.of(0, 1, 255, 0),
      only,
      palette,
    }
    drawPoints(context, { x: 0, y: 0, scale: 1 }, drawn, 1, 2)
    const pixels = new Uint32Array(image.data.buffer)
    return [pixels[5 * 20 + 5], pixels[5 * 20 + 15], pixels.filter(pixel => pixel !== 0).length]
  }
  expect(draw(null)).toEqual([palette.values[0], palette.others, 8])
  expect(draw(1)).toEqual([palette.faded, palette.values[1], 8])
})

test('the nearest point is found within reach', () => {
  expect(nearestPoint(PLACES, 1.9, 1, 0.5)).toBe(1)
  expect(nearestPoint(PLACES, 1, 0.6, 0.5)).toBeNull()
})

test('pictures are shown from near, one per cell, and stay in their cells while the map moves', () => {
  const places = Float32Array.from({ length: 20_000 }, (_, i) => ((i * 7919) % 1000) / 10)
  const camera = { x: 50, y: 50, scale: 4 }
  expect(thumbnailsOf(places, camera, SIZE)).toEqual([])
  const near = { x: 50, y: 50, scale: 40 }
  const shown = thumbnailsOf(places, near, SIZE)
  expect(shown.length).toBeGreaterThan(5)
  expect(shown.length).toBeLessThan(((SIZE.width / THUMBNAIL + 2) * (SIZE.height / THUMBNAIL + 2)) | 0)
  const moved = thumbnailsOf(places, panned(near, 3, 3), SIZE).map(({ index }) => index)
  const same = shown.filter(({ index }) => moved.includes(index))
  expect(same.length).toBeGreaterThan(0.8 * shown.length)
})
