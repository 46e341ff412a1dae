import type { Colors } from '../../api/projections.js'
import { mapPath, mapState } from './map-state.js'
import { colorOf, colorOfOthers, type Theme } from './palette.js'

interface Props {
  colors: Colors
  only: string | null
  photos: number
  theme: Theme
}

/** The values in their colours. One that is chosen is the only one in its colour. */
export function Legend({ colors: { values }, only, photos, theme }: Props) {
  const others = photos - values.reduce((sum, value) => sum + value.photos, 0)
  return (
    <ul class="legend" aria-label="Colours">
      {values.map(({ value, photos: count }, i) => (
        <li key={value}>
          <a
            class="legend-entry"
            href={mapPath({ ...mapState(), only: only === value ? null : value })}
            aria-current={only === value ? 'true' : undefined}
          >
            <span class="legend-color" style={{ background: colorOf(theme, i) }} />
            {value} <span class="legend-count">{count.toLocaleString('en')}</span>
          </a>
        </li>
      ))}
      {others > 0 && (
        <li class="legend-entry">
          <span class="legend-color" style={{ background: colorOfOthers(theme) }} />
          others <span class="legend-count">{others.toLocaleString('en')}</span>
        </li>
      )}
    </ul>
  )
}
