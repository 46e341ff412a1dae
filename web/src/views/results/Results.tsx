import { useEffect } from 'preact/hooks'
import { FilterPanel } from '../../components/filters/FilterPanel.js'
import { Grid } from '../../components/grid/Grid.js'
import { Chips } from '../../components/query/Chips.js'
import { Failure } from '../../components/states/Failure.js'
import { GridPending } from '../../components/states/GridPending.js'
import { NoResults } from '../../components/states/NoResults.js'
import { announce, current, showsFilters } from '../../state/current.js'
import { lastList, resultsOf } from '../../state/result-list.js'
import { hasSubject } from '../../state/search-state.js'
import { ResultTools } from './ResultTools.js'
import { countText, titleOf, withoutWeak } from './result-texts.js'

const closeFilters = () => {
  showsFilters.value = false
}

/** What was searched for, or all photos by their date. */
export function Results() {
  const state = current.value
  const list = resultsOf(state)
  const isSearch = hasSubject(state)
  const all = list.photos.value
  const phase = list.phase.value
  const { photos, isComplete } = withoutWeak(all, state.cut, phase === 'end', state.order)
  const title = titleOf(state)
  const count = countText(photos.length, isComplete)
  useEffect(() => {
    document.title = `${title} – unsplash-clip`
  }, [title])
  useEffect(() => {
    lastList.value = list
    void list.loadMore()
    return () => list.leave()
  }, [list])
  useEffect(() => {
    if (phase === 'end' || phase === 'more') announce(photos.length > 0 || phase === 'end' ? `${title}: ${count}` : '')
  }, [title, count, phase, photos.length])
  return (
    <div class="results">
      <div class="results-head">
        <h1 class="results-title">{title}</h1>
        <p class="results-count">{all.length > 0 || phase === 'end' ? count : '\u00a0'}</p>
        <ResultTools state={state} isSearch={isSearch} photos={all} />
      </div>
      <Chips state={state} />
      <div class={`results-body ${showsFilters.value ? 'has-filters' : ''}`}>
        {showsFilters.value && <FilterPanel state={state} close={closeFilters} />}
        <div>
          {all.length === 0 && phase === 'loading' && <GridPending />}
          {phase === 'end' && photos.length === 0 && <NoResults state={state} />}
          <Grid
            key={title}
            list={list}
            photos={photos}
            isComplete={isComplete}
            label={title}
            showsScores={state.showsScores}
            hrefOf={id => `/photos/${encodeURIComponent(id)}`}
          />
          {phase === 'failed' && <Failure error={list.error.value} retry={() => void list.loadMore()} />}
        </div>
      </div>
    </div>
  )
}
