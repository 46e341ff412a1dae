import type { Facet } from '../../api/schema.js'
import { FILTER_KINDS, kindOf } from '../../state/filters.js'
import { type SearchState, searchPath, toggled } from '../../state/search-state.js'
import { LabelScore } from './LabelScore.js'

/** The values of one facet, each with its photos. A link adds or removes it. */
export function FacetGroup({ facet: { name, values }, state }: { facet: Facet; state: SearchState }) {
  const kind = FILTER_KINDS.find(({ facet }) => facet === name) ?? kindOf('label')
  const isLabel = kind.name === 'label'
  const chosen = state.filters[kind.name] ?? []
  const options = values
    .filter(({ photos }) => photos > 0)
    .map(({ value, photos }) => {
      const text = isLabel ? `${name}=${value}` : value
      // A label may have been chosen with a least score.
      const present = chosen.find(it => it === text || (isLabel && it.startsWith(`${text}:`)))
      return { value, photos, present, next: toggled(state, kind.name, present ?? text, kind.isMany) }
    })
  const isOpen = isLabel || chosen.length > 0 || ['time', 'country', 'orientation'].includes(kind.name)
  return (
    <details class="filter-group" open={isOpen}>
      <summary>{isLabel ? name.replaceAll('_', ' ') : kind.title}</summary>
      <ul>
        {options.map(({ value, photos, present, next }) => (
          <li key={value}>
            <a class="filter-value" href={searchPath(next)} aria-current={present ? 'true' : undefined}>
              <span>{isLabel ? value : (kind.show?.(value) ?? value)}</span>
              <span class="bar-count">{photos.toLocaleString('en')}</span>
            </a>
            {isLabel && present && <LabelScore state={state} value={present} />}
          </li>
        ))}
      </ul>
    </details>
  )
}
