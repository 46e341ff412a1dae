import type { PhotoMetadata } from '../../api/schema.js'
import { viewAround } from '../../components/map/map-view.js'
import { Outline } from '../../components/map/Outline.js'
import { pointOf } from '../../components/map/projection.js'
import { EMPTY, searchPath } from '../../state/search-state.js'

/** Degrees of longitude that are shown. */
const SHOWN = 56
const KM = 50

/** Where the photo was taken. Only for a photo with a place. */
export function PhotoPlace({ photo }: { photo: PhotoMetadata }) {
  const place = { latitude: Number(photo.photo_location_latitude), longitude: Number(photo.photo_location_longitude) }
  const view = viewAround(place, SHOWN)
  const { x, y } = pointOf(place)
  const near = `${Number(place.latitude.toFixed(3))},${Number(place.longitude.toFixed(3))},${KM}`
  return (
    <section class="photo-map" aria-labelledby="photo-place-title">
      <div class="overview-head">
        <h2 id="photo-place-title">Place</h2>
        <a href={searchPath({ ...EMPTY, filters: { near: [near] }, showsMap: true })}>Photos within {KM} km</a>
      </div>
      <div class="map-box">
        <Outline view={view} />
        <span
          class="map-pin"
          style={{ left: `${(100 * (x - view.x)) / view.width}%`, top: `${(100 * (y - view.y)) / view.height}%` }}
        />
      </div>
    </section>
  )
}
