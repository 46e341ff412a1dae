import { useEffect, useRef } from 'preact/hooks'
import { labelSetNames } from '../../api/collection.js'
import { narrowingFacets } from '../../api/counts.js'
import { may } from '../../state/caller.js'
import { FILTER_KINDS, FOLDER_FACET } from '../../state/filters.js'
import { useResource } from '../../state/resource.js'
import { type SearchState, searchPath } from '../../state/search-state.js'
import { useCounted } from '../../state/use-counted.js'
import { Failure } from '../states/Failure.js'
import { FacetGroup } from './FacetGroup.js'

const VALUES = 8
const FACETS = FILTER_KINDS.flatMap(({ facet }) => facet ?? [])

/** What the results can be restricted to, with the photos that each value leaves. The facets narrow each other. */
export function FilterPanel({ state, close }: { state: SearchState; close: () => void }) {
  const counted = useCounted(state)
  const names = FACETS.filter(name => name !== FOLDER_FACET || may('ingest'))
  const found = useResource(`facets ${searchPath(counted)}`, async () =>
    narrowingFacets(counted, [...(await labelSetNames()), ...names], VALUES),
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
            <FacetGroup key={facet.name} facet={facet} state={state} counted={counted} />
          ))}
      </div>
      <button type="button" class="button is-primary filters-close" onClick={close}>
        Show the photos
      </button>
    </aside>
  )
}
