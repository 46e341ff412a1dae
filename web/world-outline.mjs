import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { feature, mesh } from 'topojson-client'
import { NORTH, pointOf, SOUTH } from './src/components/map/projection.ts'

const NAME = 'virtual:world-outline'
const { resolve } = createRequire(import.meta.url)
/** Natural Earth, which is in the public domain, at 1:50 million for land and 1:110 million for borders. */
const LAND = 'world-atlas/land-50m.json'
const COUNTRIES = 'world-atlas/countries-110m.json'
/** Points closer than this to the line between their neighbours go, in units of the map: 20 are a degree. */
const TOLERANCE = 2.2
/** Islands whose box is smaller go too. */
const LEAST_ISLAND = 3

/** Makes the outline of the map when the page is built, so that it needs no other server. */
export function worldOutline() {
  return {
    name: 'world-outline',
    resolveId: id => (id === NAME ? `\0${NAME}` : null),
    load(id) {
      if (id !== `\0${NAME}`) return null
      const land = read(LAND)
      const countries = read(COUNTRIES)
      const coasts = feature(land, land.objects.land)
        .features.flatMap(({ geometry }) => geometry.coordinates)
        // With the holes: inland seas.
        .flat()
        .flatMap(unrolled)
      const borders = mesh(countries, countries.objects.countries, (a, b) => a !== b).coordinates
      return [
        `export const LAND = ${JSON.stringify(pathOf(coasts, true))}`,
        `export const BORDERS = ${JSON.stringify(pathOf(borders, false))}`,
      ].join('\n')
    },
  }
}

const read = name => JSON.parse(readFileSync(resolve(name), 'utf8'))

/**
 * A coast that crosses the antimeridian, on both sides of the map. Longitudes go on beyond 180 degrees, and what lies outside
 * of the map is not seen. The coast of Antarctica goes all the way round: it is closed along the edge.
 */
function unrolled(ring) {
  let turns = 0
  const line = ring.map(([longitude, latitude], i) => {
    const step = i === 0 ? 0 : longitude - ring[i - 1][0]
    turns -= Math.abs(step) > 180 ? Math.sign(step) : 0
    return [longitude + 360 * turns, latitude]
  })
  if (line.every(([longitude]) => Math.abs(longitude) <= 180)) return [line]
  const [first, last] = [line[0][0], line.at(-1)[0]]
  if (Math.abs(last - first) > 180) line.push([last, -90], [first, -90], line[0])
  return [-360, 0, 360]
    .map(shift => line.map(([longitude, latitude]) => [longitude + shift, latitude]))
    .filter(copy => copy.some(([longitude]) => Math.abs(longitude) < 180))
}

/** @param {[number, number][][]} lines longitudes and latitudes @param {boolean} isClosed */
function pathOf(lines, isClosed) {
  return lines
    .filter(line => line.some(([, latitude]) => latitude > SOUTH && latitude < NORTH + 3))
    .map(line =>
      simplified(
        line.map(([longitude, latitude]) => pointOf({ latitude, longitude })),
        TOLERANCE,
      ),
    )
    .map(line => line.map(({ x, y }) => [Math.round(x), Math.round(y)]))
    .filter(line => !isClosed || isLarge(line))
    .map(line => textOf(line) + (isClosed ? 'z' : ''))
    .join('')
}

/** Moves from point to point, in the shortest form of SVG. */
function textOf([[x, y], ...rest]) {
  let [lastX, lastY] = [x, y]
  const steps = rest.flatMap(([nextX, nextY]) => {
    const step = [nextX - lastX, nextY - lastY]
    lastX = nextX
    lastY = nextY
    return step[0] === 0 && step[1] === 0 ? [] : step
  })
  return `M${x} ${y}l${steps.join(' ')}`.replaceAll(' -', '-')
}

function isLarge(line) {
  const extent = index => Math.max(...line.map(it => it[index])) - Math.min(...line.map(it => it[index]))
  return line.length > 3 && Math.max(extent(0), extent(1)) >= LEAST_ISLAND
}

/** Douglas and Peucker's simplification. */
function simplified(line, tolerance) {
  if (line.length < 3) return line
  const kept = new Uint8Array(line.length)
  kept[0] = kept[line.length - 1] = 1
  const open = [[0, line.length - 1]]
  for (let part = open.pop(); part; part = open.pop()) {
    const [from, to] = part
    let farthest = 0
    let most = tolerance
    for (let i = from + 1; i < to; i++) {
      const distance = distanceToLine(line[i], line[from], line[to])
      if (distance > most) [farthest, most] = [i, distance]
    }
    if (farthest === 0) continue
    kept[farthest] = 1
    open.push([from, farthest], [farthest, to])
  }
  return line.filter((_, i) => kept[i])
}

function distanceToLine(point, a, b) {
  const [dx, dy] = [b.x - a.x, b.y - a.y]
  const length = Math.hypot(dx, dy)
  // The ends of a closed line are one point.
  if (length === 0) return Math.hypot(point.x - a.x, point.y - a.y)
  return Math.abs((point.x - a.x) * dy - (point.y - a.y) * dx) / length
}
