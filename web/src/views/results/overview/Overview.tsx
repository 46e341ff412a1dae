import type { SearchState } from '../../../state/search-state.js'
import { PlaceMap } from './PlaceMap.js'
import { Timeline } from './Timeline.js'

/** Where and when the photos were taken. Both restrict the results, and each other. */
export function Overview({ state }: { state: SearchState }) {
  return (
    <div class="overview">
      <PlaceMap state={state} />
      <Timeline state={state} />
    </div>
  )
}
