import { EMPTY, hasWords, type SearchState, searchPath } from '../../state/search-state.js'
import { Icon } from '../parts/Icon.js'

/** No photo fits: says which restrictions can go. */
export function NoResults({ state }: { state: SearchState }) {
  const isFiltered = Object.keys(state.filters).length > 0
  const isCut = state.cut !== null
  const isRelevant = state.relevant && hasWords(state)
  return (
    <section class="notice">
      <Icon name="photos" />
      <h2>{isRelevant && !isFiltered && !isCut ? 'No photo shows this' : 'No photo fits'}</h2>
      <p>
        {isFiltered
          ? 'All conditions must hold. Take one away to see more.'
          : isCut
            ? 'No photo is this similar. Lower the least relevance to see more.'
            : isRelevant
              ? 'The nearest photos are no more similar to these words than to other texts.'
              : 'The collection has no photos yet. Ingest some, and they appear here.'}
      </p>
      <p class="notice-actions">
        {isFiltered && (
          <a class="button" href={searchPath({ ...state, filters: {} })}>
            Remove all filters
          </a>
        )}
        {isRelevant && (
          <a class="button" href={searchPath({ ...state, relevant: false })}>
            Show the nearest ones
          </a>
        )}
        {isCut && (
          <a class="button" href={searchPath({ ...state, cut: null })}>
            Show less similar ones
          </a>
        )}
        {(isFiltered || isCut || isRelevant) && <a href={searchPath(EMPTY)}>See all photos</a>}
      </p>
    </section>
  )
}
