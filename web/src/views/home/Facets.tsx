import type { Facet } from '../../api/schema.js'
import { FILTER_KINDS, type FilterKind, kindOf } from '../../state/filters.js'
import { EMPTY, searchPath, toggled } from '../../state/search-state.js'

/** What the photos are: labels and metadata, each value leading to its photos. */
export function Facets({ facets }: { facets: Facet[] | undefined }) {
  const shown = facets?.filter(({ values }) => values.some(({ photos }) => photos > 0))
  return (
    <section class="band" aria-labelledby="facets-title">
      <div class="band-head">
        <h2 id="facets-title">What is in it</h2>
        <a href={searchPath({ ...EMPTY, showsMap: true })}>On the map, by date</a>
      </div>
      <div class={`facets ${facets ? '' : 'is-pending'}`}>
        {shown?.map(facet => (
          <FacetBars key={facet.name} facet={facet} />
        ))}
      </div>
    </section>
  )
}

function FacetBars({ facet: { name, values } }: { facet: Facet }) {
  const kind = FILTER_KINDS.find(({ facet }) => facet === name) ?? kindOf('label')
  const isLabel = kind.name === 'label'
  const most = Math.max(...values.map(({ photos }) => photos))
  return (
    <section class="facet">
      <h3>{isLabel ? name.replaceAll('_', ' ') : kind.title}</h3>
      <ul>
        {values
          .filter(({ photos }) => photos > 0)
          .map(({ value, photos }) => (
            <li key={value}>
              <a class="bar" href={pathOf(kind, isLabel ? `${name}=${value}` : value)}>
                <span class="bar-name">{isLabel ? value : (kind.show?.(value) ?? value)}</span>
                <span class="bar-count">{photos.toLocaleString('en')}</span>
                <meter class="bar-meter" min={0} max={most} value={photos} aria-hidden="true" />
              </a>
            </li>
          ))}
      </ul>
    </section>
  )
}

function pathOf({ name, isMany }: FilterKind, value: string): string {
  return searchPath(toggled(EMPTY, name, value, isMany))
}
