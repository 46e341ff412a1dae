import { type FilterName, kindOf } from '../../state/filters.js'
import { EMPTY, type SearchState, searchPath, toggled } from '../../state/search-state.js'

/** Ways on when the server refuses a search: without one of its filters, or all photos. */
export function DropFilters({ state }: { state: SearchState }) {
  const chosen = (Object.entries(state.filters) as [FilterName, readonly string[]][]).flatMap(([name, values]) =>
    values.map(value => ({ value, ...kindOf(name) })),
  )
  return (
    <>
      {chosen.map(({ name, title, value, isMany, show = text => text }) => (
        <a key={`${name} ${value}`} class="button" href={searchPath(toggled(state, name, value, isMany))}>
          Drop {title}: {show(value)}
        </a>
      ))}
      <a href={searchPath(EMPTY)}>See all photos</a>
    </>
  )
}
