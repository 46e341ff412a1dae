import type { Found } from '../../api/photos.js'
import { Icon } from '../../components/parts/Icon.js'
import { show } from '../../state/current.js'
import { hasWords, type Order, type SearchState } from '../../state/search-state.js'
import { Relevance } from './Relevance.js'

/** Id of the button that opens the filters, and has the focus again when they are closed. */
export const FILTERS_BUTTON = 'filters-button'

interface Props {
  state: SearchState
  isSearch: boolean
  photos: readonly Found[]
  hasDuplicates: boolean
}

/** What counts as a hit, order, least relevance, and what is shown beside the photos. */
export function ResultTools({ state, isSearch, photos, hasDuplicates }: Props) {
  const order = !isSearch && state.order === 'relevance' ? 'newest' : state.order
  return (
    <div class="tools">
      {isSearch && <Relevance state={state} photos={photos} />}
      {isSearch && (
        <label class="switch" title="A cut-off of each search, learned from what other texts score on the photos">
          <input
            type="checkbox"
            checked={state.relevant && hasWords(state)}
            disabled={!hasWords(state)}
            onChange={event => show({ ...state, relevant: event.currentTarget.checked, cut: null }, true)}
          />
          <span>Only what shows it</span>
        </label>
      )}
      {isSearch && (
        <label class="switch">
          <input
            type="checkbox"
            checked={state.showsScores}
            onChange={event => show({ ...state, showsScores: event.currentTarget.checked }, true)}
          />
          <span>Scores</span>
        </label>
      )}
      {/* Also without any, so that nothing moves when some are found. */}
      <label class="switch">
        <input
          type="checkbox"
          checked={state.showsDuplicates}
          disabled={!hasDuplicates}
          onChange={event => show({ ...state, showsDuplicates: event.currentTarget.checked, opened: [] }, true)}
        />
        <span>Near duplicates</span>
      </label>
      <button
        type="button"
        class="button"
        aria-pressed={state.showsMap}
        onClick={() => show({ ...state, showsMap: !state.showsMap }, true)}
      >
        <Icon name="map" />
        Map and dates
      </button>
      <button
        id={FILTERS_BUTTON}
        type="button"
        class="button"
        aria-pressed={state.showsFilters}
        onClick={() => show({ ...state, showsFilters: !state.showsFilters }, true)}
      >
        <Icon name="filter" />
        Filters
      </button>
      <label class="select">
        <span class="visually-hidden">Order</span>
        <select value={order} onChange={event => show({ ...state, order: event.currentTarget.value as Order })}>
          {isSearch && <option value="relevance">Most relevant first</option>}
          <option value="newest">Newest first</option>
          <option value="oldest">Oldest first</option>
        </select>
      </label>
    </div>
  )
}
