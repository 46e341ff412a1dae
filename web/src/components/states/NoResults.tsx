import { EMPTY, type SearchState, searchPath } from '../../state/search-state.js'
import { Icon } from '../parts/Icon.js'

/** No photo fits: says which restrictions can go. */
export function NoResults({ state }: { state: SearchState }) {
  const isFiltered = Object.keys(state.filters).length > 0
  const isCut = state.cut !== null
  return (
    <section class="notice">
      <Icon name="photos" />
      <h2>No photo fits</h2>
      <p>
        {isFiltered
          ? 'All conditions must hold. Take one away to see more.'
          : isCut
            ? 'No photo is this similar. Lower the least relevance to see more.'
            : 'The collection has no photos yet. Ingest some, and they appear here.'}
      </p>
      <p class="notice-actions">
        {isFiltered && (
          <a class="button" href={searchPath({ ...state, filters: {} })}>
            Remove all filters
          </a>
        )}
        {isCut && (
          <a class="button" href={searchPath({ ...state, cut: null })}>
            Show less similar ones
          </a>
        )}
        {(isFiltered || isCut) && <a href={searchPath(EMPTY)}>See all photos</a>}
      </p>
    </section>
  )
}
