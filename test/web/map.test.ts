import fc from 'fast-check'
import { expect, test } from 'vitest'
import { circleOf, clustersOf, radiusKm, radiusOf } from '../../web/src/components/map/clusters.js'
import {
  boxOf,
  cellOf,
  type View,
  viewAround,
  viewOfCells,
  viewOfCircle,
  WORLD,
} from '../../web/src/components/map/map-view.js'
import {
  circleAround,
  distanceKm,
  HEIGHT,
  NORTH,
  placeOf,
  pointOf,
  SOUTH,
  WIDTH,
} from '../../web/src/components/map/projection.js'

const BERGEN = { latitude: 60.39, longitude: 5.32 }
const OSLO = { latitude: 59.91, longitude: 10.75 }
const place = fc.record({
  latitude: fc.double({ min: SOUTH, max: NORTH, noNaN: true }),
  longitude: fc.double({ min: -180, max: 180, noNaN: true }),
})
const cell = place.chain(({ latitude, longitude }) =>
  fc.record({
    latitude: fc.constant(latitude),
    longitude: fc.constant(longitude),
    south: fc.constant(Math.max(-90, latitude - 0.5)),
    west: fc.constant(Math.max(-180, longitude - 0.5)),
    north: fc.constant(Math.min(90, latitude + 0.5)),
    east: fc.constant(Math.min(180, longitude + 0.5)),
    photos: fc.integer({ min: 1, max: 5000 }),
  }),
)

test('a place on the map leads back to the Earth, and lies inside', () => {
  fc.assert(
    fc.property(place, it => {
      const { x, y } = pointOf(it)
      expect(x >= 0 && x <= WIDTH && y >= -1e-6 && y <= HEIGHT + 1e-6).toBe(true)
      expect(placeOf({ x, y }).latitude).toBeCloseTo(it.latitude, 6)
      expect(placeOf({ x, y }).longitude).toBeCloseTo(it.longitude, 6)
    }),
  )
  expect(pointOf({ latitude: 90, longitude: 0 })).toEqual(pointOf({ latitude: NORTH, longitude: 0 }))
})

test('distances are those of the Earth, and a circle has its radius', () => {
  expect(distanceKm(BERGEN, OSLO)).toBeGreaterThan(300)
  expect(distanceKm(BERGEN, OSLO)).toBeLessThan(310)
  for (const point of circleAround(OSLO, 250)) expect(distanceKm(OSLO, placeOf(point))).toBeCloseTo(250, 3)
})

test('a view has the shape of the map, lies inside, and shows what it is of', () => {
  const isGood = ({ x, y, width, height }: View) => {
    expect(width / height).toBeCloseTo(WIDTH / HEIGHT, 6)
    expect(x >= 0 && y >= 0 && x + width <= WIDTH + 1e-6 && y + height <= HEIGHT + 1e-6).toBe(true)
  }
  fc.assert(
    fc.property(fc.array(cell, { maxLength: 5 }), place, fc.integer({ min: 1, max: 20_000 }), (cells, centre, km) => {
      for (const view of [viewOfCells(cells), viewOfCircle({ ...centre, km }), viewAround(centre, 50)]) isGood(view)
      const view = viewOfCells(cells)
      for (const { x, y } of cells.map(pointOf)) {
        expect(x >= view.x - 1e-6 && x <= view.x + view.width + 1e-6).toBe(true)
        expect(y >= view.y - 1e-6 && y <= view.y + view.height + 1e-6).toBe(true)
      }
    }),
  )
  expect(viewOfCells([])).toBe(WORLD)
  expect(boxOf(WORLD)).toEqual({ south: -90, west: -180, north: 90, east: 180 })
  expect(cellOf(WORLD)).toBeGreaterThan(cellOf(viewOfCircle({ ...OSLO, km: 50 })))
})

test('dots do not overlap, and stand for all photos', () => {
  fc.assert(
    fc.property(fc.array(cell, { maxLength: 40 }), fc.double({ min: 1, max: 20, noNaN: true }), (cells, scale) => {
      const clusters = clustersOf(cells, scale)
      expect(clusters.reduce((sum, { photos }) => sum + photos, 0)).toBe(
        cells.reduce((sum, { photos }) => sum + photos, 0),
      )
      for (const [i, a] of clusters.entries())
        for (const b of clusters.slice(0, i))
          expect(Math.hypot(a.x - b.x, a.y - b.y)).toBeGreaterThanOrEqual(
            scale * (radiusOf(a.photos) + radiusOf(b.photos) - 2) - 1e-6,
          )
    }),
  )
})

test('the circle of a dot holds the places of its photos', () => {
  fc.assert(
    fc.property(cell, ({ south, west, north, east }) => {
      const circle = circleOf({ box: { south, west, north, east } })
      for (const latitude of [south, north])
        for (const longitude of [west, east])
          expect(distanceKm(circle, { latitude, longitude })).toBeLessThanOrEqual(circle.km + 0.2)
    }),
  )
  expect([0, 0.5, 7.2, 83.4, 123, 1234].map(radiusKm)).toEqual([1, 1, 8, 84, 130, 1300])
})
