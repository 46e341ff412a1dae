import type { Found } from '../../api/photos.js'
import { show } from '../../state/current.js'
import type { SearchState } from '../../state/search-state.js'

const STEP = 0.001
/** Scores to the digits of a step, so that the ends of the slider are steps. */
const floored = (score: number) => Math.floor(score / STEP) * STEP

/** Moves the least relevance between the weakest hit so far and the best one. Hits come and go at once. */
export function Relevance({ state, photos }: { state: SearchState; photos: readonly Found[] }) {
  const scores = photos.map(({ score }) => score ?? 0)
  const least = floored(Math.min(...scores, state.cut ?? 1))
  const best = floored(Math.max(...scores, state.cut ?? -1))
  const isKnown = scores.length > 1 && best > least
  const set = (text: string) => {
    const cut = Number(Number(text).toFixed(3))
    show({ ...state, cut: cut < least + STEP ? null : cut }, true)
  }
  return (
    <label class="relevance">
      <span>Relevance</span>
      <input
        type="range"
        min={isKnown ? least.toFixed(3) : 0}
        max={isKnown ? best.toFixed(3) : 1}
        step={STEP}
        value={isKnown ? (state.cut ?? least) : 0}
        disabled={!isKnown}
        aria-valuetext={state.cut === null ? 'all hits' : `at least ${state.cut.toFixed(3)}`}
        onInput={event => set(event.currentTarget.value)}
      />
      <span class="relevance-value">{state.cut === null ? 'all' : `≥ ${state.cut.toFixed(2)}`}</span>
    </label>
  )
}
