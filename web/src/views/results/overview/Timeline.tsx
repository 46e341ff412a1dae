import { useRef } from 'preact/hooks'
import { months } from '../../../api/counts.js'
import { Failure } from '../../../components/states/Failure.js'
import { show } from '../../../state/current.js'
import { useResource } from '../../../state/resource.js'
import { type SearchState, searchPath, withoutFilter } from '../../../state/search-state.js'
import { useCounted } from '../../../state/use-counted.js'
import { Bars } from './Bars.js'
import { monthBars, openYear, yearBars } from './periods.js'

/** When the photos were taken: years, and the months of a chosen year. */
export function Timeline({ state }: { state: SearchState }) {
  const counted = withoutFilter(useCounted(state), 'time')
  const { value, error, retry } = useResource(`months ${searchPath(counted)}`, () => months(counted))
  // The former bars stay until the next ones are there.
  const last = useRef(value)
  last.current = value ?? last.current
  const found = last.current
  const years = yearBars(found ?? [])
  const [chosen] = state.filters.time ?? []
  const year = openYear(chosen, years)
  const dated = years.reduce((sum, { photos }) => sum + photos, 0)
  // A second click takes the period away.
  const next = (period: string) => withoutFilter(state, 'time', period === chosen ? [] : [period])
  const links = {
    chosen,
    hrefOf: (period: string) => searchPath(next(period)),
    choose: (period: string) => show(next(period)),
  }
  if (error !== undefined) return <Failure error={error} retry={retry} />
  return (
    <section class="timeline" aria-labelledby="timeline-title">
      <div class="overview-head">
        <h2 id="timeline-title">Dates</h2>
        <p>{found ? textOf(dated) : '\u00a0'}</p>
        {chosen && (
          <span class="overview-tools">
            <a class="text-button" href={searchPath(withoutFilter(state, 'time'))}>
              Any date
            </a>
          </span>
        )}
      </div>
      <Bars label="Years" bars={years} {...links} />
      {year && dated > 0 && <Bars label={`Months of ${year}`} bars={monthBars(found ?? [], year)} {...links} />}
      {!year && dated > 0 && <p class="hint">Choose a year to see its months, or drag from year to year.</p>}
    </section>
  )
}

function textOf(dated: number): string {
  if (dated === 0) return 'No photo here has a date.'
  return `${dated.toLocaleString('en')} ${dated === 1 ? 'photo has' : 'photos have'} a date`
}
