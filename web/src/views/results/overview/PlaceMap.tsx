import { useState } from 'preact/hooks'
import type { Circle } from '../../../components/map/map-view.js'
import { PhotoMap } from '../../../components/map/PhotoMap.js'
import { Failure } from '../../../components/states/Failure.js'
import { show } from '../../../state/current.js'
import { nearOf } from '../../../state/filter-values.js'
import { type SearchState, searchPath, withoutFilter } from '../../../state/search-state.js'
import { usePlaces } from './use-places.js'

const near = (state: SearchState, { latitude, longitude, km }: Circle) =>
  withoutFilter(state, 'near', [`${latitude},${longitude},${km}`])

/** Where the photos were taken. A dot, or a circle that is drawn, restricts the results to its photos. */
export function PlaceMap({ state }: { state: SearchState }) {
  const [isWhole, setWhole] = useState(false)
  const { view, cells, placed, isNarrow, error, retry } = usePlaces(state, isWhole)
  const chosen = nearOf(state.filters.near?.[0])
  const choose = (circle: Circle) => {
    setWhole(false)
    show(near(state, circle))
  }
  if (error !== undefined) return <Failure error={error} retry={retry} />
  return (
    <section class="place-map" aria-labelledby="place-map-title">
      <div class="overview-head">
        <h2 id="place-map-title">Places</h2>
        <p>{placed === null ? '\u00a0' : placed === 0 ? 'No photo here has a place.' : textOf(placed)}</p>
        <span class="overview-tools">
          {(isNarrow || isWhole) && (
            <button type="button" class="text-button" aria-pressed={isWhole} onClick={() => setWhole(!isWhole)}>
              Whole Earth
            </button>
          )}
          {chosen && (
            <a class="text-button" href={searchPath(withoutFilter(state, 'near'))}>
              Any place
            </a>
          )}
        </span>
      </div>
      <PhotoMap
        view={view}
        cells={cells}
        chosen={chosen}
        choose={choose}
        hrefOf={circle => searchPath(near(state, circle))}
      />
      <p class="hint">Choose a dot or any place. With a mouse, draw a circle from its middle.</p>
    </section>
  )
}

const textOf = (placed: number) =>
  `${placed.toLocaleString('en')} ${placed === 1 ? 'photo has' : 'photos have'} a place`
