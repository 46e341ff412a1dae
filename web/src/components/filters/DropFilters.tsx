import { type FilterName, kindOf } from '../../state/filters.js'
import { EMPTY, removed, type SearchState, searchPath, toggled } from '../../state/search-state.js'

/** Ways on when the server refuses a search: without one of its filters or photos, or all photos. */
export function DropFilters({ state }: { state: SearchState }) {
  const chosen = (Object.entries(state.filters) as [FilterName, readonly string[]][]).flatMap(([name, values]) =>
    values.map(value => ({ value, ...kindOf(name) })),
  )
  const photos = (['like', 'unlike'] as const).flatMap(list => state[list].map(id => ({ list, id })))
  return (
    <>
      {photos.map(({ list, id }) => (
        <a key={`${list} ${id}`} class="button" href={searchPath(removed(state, list, id))}>
          Drop photo {id}
        </a>
      ))}
      {chosen.map(({ name, title, value, isMany, show = text => text }) => (
        <a key={`${name} ${value}`} class="button" href={searchPath(toggled(state, name, value, isMany))}>
          Drop {title}: {show(value)}
        </a>
      ))}
      <a href={searchPath(EMPTY)}>See all photos</a>
    </>
  )
}
