import { useEffect, useRef } from 'preact/hooks'
import { facets, labelSetNames } from '../../api/collection.js'
import { FILTER_KINDS } from '../../state/filters.js'
import { useResource } from '../../state/resource.js'
import { type SearchState, searchPath } from '../../state/search-state.js'
import { Failure } from '../states/Failure.js'
import { FacetGroup } from './FacetGroup.js'
import { TextFilter } from './TextFilter.js'

const VALUES = 8
const FACETS = FILTER_KINDS.flatMap(({ facet }) => facet ?? [])
/** Filters whose values nothing counts. */
const WRITTEN = FILTER_KINDS.filter(({ name, facet }) => facet === null && name !== 'label' && name !== 'near')

/** What the results can be restricted to, with the photos that each value leaves. The facets narrow each other. */
export function FilterPanel({ state, close }: { state: SearchState; close: () => void }) {
  const counted = { ...state, order: 'relevance', cut: null, showsScores: false, showsDuplicates: false } as const
  const found = useResource(`facets ${searchPath(counted)}`, async () =>
    facets(counted, [...(await labelSetNames()), ...FACETS], VALUES),
  )
  // The former numbers stay until the next ones are there, so nothing jumps.
  const last = useRef(found.value)
  last.current = found.value ?? last.current
  const shown = last.current
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => event.key === 'Escape' && close()
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [close])
  return (
    <aside class="filters" aria-label="Filters">
      {found.error !== undefined && <Failure error={found.error} retry={found.retry} />}
      <div class={shown ? 'filter-groups' : 'filter-groups is-loading'} aria-busy={found.isLoading}>
        {shown
          ?.filter(({ values }) => values.some(({ photos }) => photos > 0))
          .map(facet => (
            <FacetGroup key={facet.name} facet={facet} state={state} />
          ))}
        {shown && WRITTEN.map(kind => <TextFilter key={kind.name} kind={kind} state={state} />)}
      </div>
    </aside>
  )
}
