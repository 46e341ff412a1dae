import type { PlaceCell } from '../../api/schema.js'
import { circleAround, HEIGHT, type Place, placeOf, pointOf, UNITS_PER_DEGREE, WIDTH } from './projection.js'

/** The part of the map that is shown, in its units. All parts have the shape of the whole. */
export interface View {
  x: number
  y: number
  width: number
  height: number
}

export interface Circle extends Place {
  km: number
}

export type Box = Pick<PlaceCell, 'south' | 'west' | 'north' | 'east'>

export const WORLD: View = { x: 0, y: 0, width: WIDTH, height: HEIGHT }
/** Below this the outline has no details. */
const LEAST_WIDTH = 3 * UNITS_PER_DEGREE
/** Cells per width of the view. */
const CELLS = 24
const CELL_SIZES = [10, 5, 2.5, 1, 0.5, 0.25, 0.1, 0.05]

/** The view of some points with a margin around them. */
export function viewOf(points: readonly { x: number; y: number }[], margin = 0.25): View {
  const [xs, ys] = [points.map(({ x }) => x), points.map(({ y }) => y)]
  const [west, east] = [Math.min(...xs), Math.max(...xs)]
  const [north, south] = [Math.min(...ys), Math.max(...ys)]
  const widest = Math.max(east - west, ((south - north) * WIDTH) / HEIGHT) * (1 + 2 * margin)
  const width = Math.min(WIDTH, Math.max(LEAST_WIDTH, widest))
  const height = (width * HEIGHT) / WIDTH
  const inside = (start: number, size: number, all: number) => Math.min(all - size, Math.max(0, start))
  return {
    x: inside((west + east - width) / 2, width, WIDTH),
    y: inside((north + south - height) / 2, height, HEIGHT),
    width,
    height,
  }
}

export function viewOfCircle(circle: Circle): View {
  return viewOf(circleAround(circle, circle.km, 16), 0.6)
}

/** A part of the Earth around a place, so wide that its coasts tell where it is. */
export function viewAround(place: Place, width: number): View {
  const { x, y } = pointOf(place)
  return viewOf(
    [
      { x: x - (width * UNITS_PER_DEGREE) / 2, y },
      { x: x + (width * UNITS_PER_DEGREE) / 2, y },
    ],
    0,
  )
}

/** The view of all cells. */
export function viewOfCells(cells: readonly Box[]): View {
  if (cells.length === 0) return WORLD
  const corners = cells.flatMap(({ south, west, north, east }) => [
    pointOf({ latitude: south, longitude: west }),
    pointOf({ latitude: north, longitude: east }),
  ])
  const view = viewOf(corners)
  return view.width > 0.6 * WIDTH ? WORLD : view
}

/** Degrees of the cells to ask for. */
export function cellOf({ width }: View): number {
  const wanted = width / UNITS_PER_DEGREE / CELLS
  return CELL_SIZES.find(size => size <= wanted) ?? CELL_SIZES.at(-1)!
}

export function boxOf({ x, y, width, height }: View): Box {
  const [upper, lower] = [placeOf({ x, y }), placeOf({ x: x + width, y: y + height })]
  const rounded = (value: number) => Number(value.toFixed(3))
  // What lies beyond the edges of the map is drawn on them.
  return {
    south: y + height >= HEIGHT - 1 ? -90 : rounded(lower.latitude),
    west: rounded(upper.longitude),
    north: y <= 1 ? 90 : rounded(upper.latitude),
    east: rounded(lower.longitude),
  }
}
