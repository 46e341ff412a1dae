/** A place on the map, in its units: x to the east, y to the south. */
export interface Point {
  x: number
  y: number
}

/** A place on the Earth, in degrees. */
export interface Place {
  latitude: number
  longitude: number
}

/** Units of the map per degree of longitude. The outline is rounded to whole units. */
export const UNITS_PER_DEGREE = 20
/** Latitudes of the upper and the lower edge. Beyond them the Mercator projection takes too much room. */
export const NORTH = 81
export const SOUTH = -65
const EARTH_KM = 6371.0088

const radians = (degrees: number) => (degrees * Math.PI) / 180
const degrees = (angle: number) => (angle * 180) / Math.PI
/** In units of the map, from the equator to the north. */
const mercator = (latitude: number) =>
  degrees(Math.log(Math.tan(Math.PI / 4 + radians(latitude) / 2))) * UNITS_PER_DEGREE
const TOP = mercator(NORTH)

export const WIDTH = 360 * UNITS_PER_DEGREE
export const HEIGHT = TOP - mercator(SOUTH)

/** The place on the map; beyond its edges, on the edge. */
export function pointOf({ latitude, longitude }: Place): Point {
  const within = Math.min(NORTH, Math.max(SOUTH, latitude))
  return { x: (longitude + 180) * UNITS_PER_DEGREE, y: TOP - mercator(within) }
}

export function placeOf({ x, y }: Point): Place {
  const angle = radians((TOP - y) / UNITS_PER_DEGREE)
  return {
    latitude: degrees(2 * Math.atan(Math.exp(angle)) - Math.PI / 2),
    longitude: Math.min(180, Math.max(-180, x / UNITS_PER_DEGREE - 180)),
  }
}

/** Great-circle distance on a sphere (haversine). */
export function distanceKm(a: Place, b: Place): number {
  const half = (from: number, to: number) => Math.sin(radians(to - from) / 2) ** 2
  const chord =
    half(a.latitude, b.latitude) +
    Math.cos(radians(a.latitude)) * Math.cos(radians(b.latitude)) * half(a.longitude, b.longitude)
  return 2 * EARTH_KM * Math.asin(Math.min(1, Math.sqrt(chord)))
}

/** The points at a distance from a place, around it. Longitudes may lie beyond 180 degrees, so that the line is closed. */
export function circleAround({ latitude, longitude }: Place, km: number, count = 72): Point[] {
  const reach = km / EARTH_KM
  const [sin, cos] = [Math.sin(radians(latitude)), Math.cos(radians(latitude))]
  return Array.from({ length: count }, (_, i) => {
    const bearing = (2 * Math.PI * i) / count
    const north = Math.asin(sin * Math.cos(reach) + cos * Math.sin(reach) * Math.cos(bearing))
    const east = Math.atan2(Math.sin(bearing) * Math.sin(reach) * cos, Math.cos(reach) - sin * Math.sin(north))
    return pointOf({ latitude: degrees(north), longitude: longitude + degrees(east) })
  })
}
