import { useState } from 'preact/hooks'
import { narrowingFacets } from '../../api/counts.js'
import type { Facet } from '../../api/schema.js'
import { FILTER_KINDS, kindOf } from '../../state/filters.js'
import { useResource } from '../../state/resource.js'
import { type SearchState, searchPath } from '../../state/search-state.js'
import { FacetValue } from './FacetValue.js'
import { TextFilter } from './TextFilter.js'

const MORE_VALUES = 100
const OPEN = ['time', 'country', 'orientation', 'folder']

interface Props {
  facet: Facet
  state: SearchState
  /** What the facet counts, but for its own values. */
  counted: SearchState
}

/** The values of one facet, each with its photos. */
export function FacetGroup({ facet: { name, values, other }, state, counted }: Props) {
  const [showsMore, setShowsMore] = useState(false)
  const kind = FILTER_KINDS.find(({ facet }) => facet === name) ?? kindOf('label')
  const isLabel = kind.name === 'label'
  const isOpen = isLabel || (state.filters[kind.name]?.length ?? 0) > 0 || OPEN.includes(kind.name)
  return (
    <details class="filter-group" open={isOpen}>
      <summary>{isLabel ? name.replaceAll('_', ' ') : kind.title}</summary>
      {kind.isWritten && other > 0 && <TextFilter kind={kind} state={state} />}
      <Values name={name} values={values} state={state} />
      {other > 0 && !showsMore && (
        <button type="button" class="filter-more" onClick={() => setShowsMore(true)}>
          More
        </button>
      )}
      {other > 0 && showsMore && <MoreValues name={name} after={values.length} state={state} counted={counted} />}
    </details>
  )
}

function Values({ name, values, state }: { name: string; values: Facet['values']; state: SearchState }) {
  return (
    <ul>
      {values
        .filter(({ photos }) => photos > 0)
        .map(({ value, photos }) => (
          <FacetValue key={value} facet={name} value={value} photos={photos} state={state} />
        ))}
    </ul>
  )
}

/** The values beyond the first ones, which are fetched when they are asked for. */
function MoreValues({ name, after, state, counted }: Omit<Props, 'facet'> & { name: string; after: number }) {
  const { value, isLoading } = useResource(`more ${name} ${searchPath(counted)}`, () =>
    narrowingFacets(counted, [name], MORE_VALUES),
  )
  if (isLoading) return <p class="filter-pending">…</p>
  // Years and the like come in their own order, not by their photos.
  return <Values name={name} values={value?.[0]?.values.slice(after) ?? []} state={state} />
}
