import { show } from '../../state/current.js'
import type { SearchState } from '../../state/search-state.js'

const LEVELS = [0, 0.5, 0.7, 0.9] as const

/** The least score of a chosen label. @param value as the filter holds it, `SET=LABEL` or `SET=LABEL:SCORE` */
export function LabelScore({ state, value }: { state: SearchState; value: string }) {
  const [, label = value, score = '0'] = /^(.*?)(?::(0(?:\.\d+)?|1(?:\.0+)?))?$/.exec(value) ?? []
  const choose = (level: string) => {
    const next = level === '0' ? label : `${label}:${level}`
    const values = (state.filters.label ?? []).map(it => (it === value ? next : it))
    show({ ...state, filters: { ...state.filters, label: values } })
  }
  return (
    <label class="label-score">
      <span>at least</span>
      <select value={score} onChange={event => choose(event.currentTarget.value)}>
        {[...new Set([...LEVELS.map(String), score])].sort().map(level => (
          <option key={level} value={level}>
            {level === '0' ? 'any score' : `${Math.round(Number(level) * 100)} %`}
          </option>
        ))}
      </select>
    </label>
  )
}
