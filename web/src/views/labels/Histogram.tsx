import type { LabelSamples } from '../../api/labels.js'
import { percent, photosPath, precisionText } from './label-texts.js'

interface Props {
  set: string
  histogram: LabelSamples['histogram']
}

/** Photos per label, with their share of all. Each label leads to its photos. */
export function Histogram({ set, histogram }: Props) {
  const all = histogram.reduce((sum, { photos }) => sum + photos, 0)
  const most = Math.max(1, ...histogram.map(({ photos }) => photos))
  return (
    <ul>
      {histogram.map(({ label, photos, precision }) => (
        <li key={label}>
          <a class="bar" href={photosPath(set, label)}>
            <span class="bar-name">{label}</span>
            <span class="bar-count">
              {photos.toLocaleString('en')} · {percent(all === 0 ? 0 : photos / all)}
            </span>
            <meter class="bar-meter" min={0} max={most} value={photos} aria-hidden="true" />
            {precision && <span class="bar-precision">{precisionText(precision)}</span>}
          </a>
        </li>
      ))}
    </ul>
  )
}
