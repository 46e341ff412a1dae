import { useEffect, useMemo } from 'preact/hooks'
import { DropFilters } from '../../components/filters/DropFilters.js'
import { FilterPanel } from '../../components/filters/FilterPanel.js'
import { WrongFilters } from '../../components/filters/WrongFilters.js'
import { Grid } from '../../components/grid/Grid.js'
import { lazy } from '../../components/parts/lazy.js'
import { Chips } from '../../components/query/Chips.js'
import { Failure } from '../../components/states/Failure.js'
import { GridPending } from '../../components/states/GridPending.js'
import { NoResults } from '../../components/states/NoResults.js'
import { announce, current, show } from '../../state/current.js'
import { lastList, resultsOf } from '../../state/result-list.js'
import { hasSubject, hasWords, searchPath } from '../../state/search-state.js'
import { isCorrected, shownPhotos } from '../../state/shown-photos.js'
import { FILTERS_BUTTON, ResultTools } from './ResultTools.js'
import { countText, orderText, restText, titleOf } from './result-texts.js'
import { SharedWords } from './SharedWords.js'

const Overview = lazy(async () => (await import('./overview/Overview.js')).Overview, 'overview is-pending')

function closeFilters(): void {
  show({ ...current.value, showsFilters: false }, true)
  document.getElementById(FILTERS_BUTTON)?.focus()
}

/** What was searched for, or all photos by their date. */
export function Results() {
  const state = current.value
  const list = resultsOf(state)
  const isSearch = hasSubject(state)
  const all = list.photos.value
  const phase = list.phase.value
  const { photos, isComplete, duplicates, hidden } = useMemo(
    () => shownPhotos(all, list.duplicateOf.value, state, phase === 'end'),
    [all, list, state, phase],
  )
  const title = titleOf(state)
  const leavesOut = list.leftOut.value && photos.length + hidden === all.length
  const count = countText(photos.length, hidden, isComplete, orderText(state, leavesOut))
  useEffect(() => {
    document.title = `${title} – unsplash-clip`
  }, [title])
  useEffect(() => {
    lastList.value = list
    void list.loadMore()
    return () => list.leave()
  }, [list])
  useEffect(() => {
    list.viewed.value = state
  }, [list, state])
  useEffect(() => {
    if (phase === 'end' || phase === 'more') announce(photos.length > 0 || phase === 'end' ? `${title}: ${count}` : '')
  }, [title, count, phase, photos.length])
  return (
    <div class="results">
      <div class="results-head">
        <h1 class="results-title" title={title}>
          {title}
        </h1>
        <p class="results-count">
          {all.length > 0 || phase === 'end' ? count : '\u00a0'}
          {isCorrected(all) && state.order === 'relevance' && (
            <span title="Photos that come up in every search stand further back than their scores say.">
              {' '}
              · order corrected
            </span>
          )}
        </p>
        <ResultTools state={state} isSearch={isSearch} photos={all} hasDuplicates={list.duplicateOf.value.size > 0} />
      </div>
      <Chips state={state} />
      <WrongFilters state={state} />
      {(phase !== 'end' || all.length > 0) && <SharedWords state={state} isReady={all.length > 0} />}
      {state.showsMap && <Overview state={state} />}
      <div class={`results-body ${state.showsFilters ? 'has-filters' : ''}`}>
        {state.showsFilters && <FilterPanel state={state} close={closeFilters} />}
        <div>
          {all.length === 0 && phase === 'loading' && <GridPending />}
          {isComplete && photos.length === 0 && <NoResults state={state} />}
          <Grid
            key={title}
            list={list}
            photos={photos}
            isComplete={isComplete}
            duplicates={duplicates}
            opened={state.opened}
            label={title}
            showsScores={state.showsScores}
            hrefOf={id => `/photos/${encodeURIComponent(id)}`}
          />
          {phase === 'end' && photos.length > 0 && state.relevant && hasWords(state) && state.cut === null && (
            <p class="rest">
              {restText(all.length)} <a href={searchPath({ ...state, relevant: false })}>Show the nearest ones</a>
            </p>
          )}
          {phase === 'failed' && (
            <Failure error={list.error.value} retry={() => void list.loadMore()}>
              <DropFilters state={state} />
            </Failure>
          )}
        </div>
      </div>
    </div>
  )
}
