import { createRandom } from '../demo-scenes/random.js'
import type { Scene } from '../demo-scenes/scenes.js'
import type { Photo } from '../domain/photo.js'

/** Apart from the stream that draws the scene. */
const STREAM = 0x51ed2701
const FIRST_YEAR = 2016
const LAST_YEAR = 2025
/** Degrees around a city in which its scenes lie. */
const SPREAD = 0.4

/** City, country, latitude and longitude. */
const PLACES = [
  ['Bergen', 'Norway', 60.39, 5.32],
  ['Tromsø', 'Norway', 69.65, 18.96],
  ['Reykjavík', 'Iceland', 64.15, -21.94],
  ['Copenhagen', 'Denmark', 55.68, 12.57],
  ['Berlin', 'Germany', 52.52, 13.4],
  ['Paris', 'France', 48.86, 2.35],
  ['Lisbon', 'Portugal', 38.72, -9.14],
  ['Naples', 'Italy', 40.85, 14.27],
  ['Athens', 'Greece', 37.98, 23.73],
  ['Marrakesh', 'Morocco', 31.63, -7.99],
  ['Cape Town', 'South Africa', -33.92, 18.42],
  ['Nairobi', 'Kenya', -1.29, 36.82],
  ['Jaipur', 'India', 26.91, 75.79],
  ['Bangkok', 'Thailand', 13.76, 100.5],
  ['Sapporo', 'Japan', 43.06, 141.35],
  ['Kyoto', 'Japan', 35.01, 135.77],
  ['Hobart', 'Australia', -42.88, 147.33],
  ['Queenstown', 'New Zealand', -45.03, 168.66],
  ['Vancouver', 'Canada', 49.28, -123.12],
  ['Halifax', 'Canada', 44.65, -63.58],
  ['San Francisco', 'United States', 37.77, -122.42],
  ['New York', 'United States', 40.71, -74.01],
  ['Mexico City', 'Mexico', 19.43, -99.13],
  ['Ushuaia', 'Argentina', -54.8, -68.3],
] as const

/** A date and, outdoors, a place for a scene: rendered scenes have none, and the map and the dates of the page need some. */
export function inventedMetadata({ seed, truth }: Scene): Partial<Photo> {
  const random = createRandom(seed ^ STREAM)
  const two = (value: number) => String(value).padStart(2, '0')
  // The later, the more: the greater of two years.
  const year = Math.max(random.integer(FIRST_YEAR, LAST_YEAR), random.integer(FIRST_YEAR, LAST_YEAR))
  const day = `${year}-${two(random.integer(1, 12))}-${two(random.integer(1, 28))}`
  const time = `${two(random.integer(0, 23))}:${two(random.integer(0, 59))}:00`
  const [city, country, latitude, longitude] = random.pick(PLACES)
  const nearby = (angle: number) => Number((angle + random.between(-SPREAD, SPREAD)).toFixed(4))
  return {
    photo_submitted_at: `${day} ${time}`,
    ...(truth.space === 'outdoor'
      ? {
          photo_location_name: `${city}, ${country}`,
          photo_location_city: city,
          photo_location_country: country,
          photo_location_latitude: nearby(latitude),
          photo_location_longitude: nearby(longitude),
        }
      : {}),
  }
}
