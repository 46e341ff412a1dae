import { wrongValues } from '../../state/filters.js'
import { type SearchState, searchPath, toggled } from '../../state/search-state.js'

/** Filters of a link whose values mean nothing: what was expected, and a way to drop each. The results ignore them. */
export function WrongFilters({ state }: { state: SearchState }) {
  const wrong = wrongValues(state.filters)
  if (wrong.length === 0) return null
  return (
    <section class="problem wrong-filters" role="alert" aria-label="Filters that mean nothing">
      {wrong.map(({ kind: { name, title, isMany }, value, expected }) => (
        <p key={`${name} ${value}`}>
          <span>
            {title} “{value.slice(0, 60)}” means nothing, so it filters nothing. Expected: {expected}.
          </span>
          <a class="button" href={searchPath(toggled(state, name, value, isMany))}>
            Drop this filter
          </a>
        </p>
      ))}
    </section>
  )
}
