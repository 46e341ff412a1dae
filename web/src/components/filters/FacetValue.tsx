import { FILTER_KINDS, kindOf } from '../../state/filters.js'
import { type SearchState, searchPath, toggled } from '../../state/search-state.js'
import { LabelScore } from './LabelScore.js'

interface Props {
  facet: string
  value: string
  photos: number
  state: SearchState
}

/** A value of a facet, with its photos. The link adds or removes it. */
export function FacetValue({ facet, value, photos, state }: Props) {
  const kind = FILTER_KINDS.find(it => it.facet === facet) ?? kindOf('label')
  const isLabel = kind.name === 'label'
  const text = isLabel ? `${facet}=${value}` : value
  // A label may have been chosen with a least score.
  const present = state.filters[kind.name]?.find(it => it === text || (isLabel && it.startsWith(`${text}:`)))
  const next = toggled(state, kind.name, present ?? text, kind.isMany)
  return (
    <li>
      <a class="filter-value" href={searchPath(next)} aria-current={present ? 'true' : undefined}>
        {kind.name === 'color' && <i class="filter-color" style={{ backgroundColor: value }} />}
        <span>{isLabel ? value : (kind.show?.(value) ?? value)}</span>
        <span class="bar-count">{photos.toLocaleString('en')}</span>
      </a>
      {isLabel && present && <LabelScore state={state} value={present} />}
    </li>
  )
}
