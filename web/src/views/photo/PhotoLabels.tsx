import type { PhotoDetails } from '../../api/schema.js'
import { EMPTY, searchPath, toggled } from '../../state/search-state.js'

type Labels = PhotoDetails['models'][number]['labels']

/** The labels of each set with their scores, the likeliest first. */
export function PhotoLabels({ labels }: { labels: Labels }) {
  const sets = Object.entries(labels)
  if (sets.length === 0) return null
  return (
    <section class="photo-labels">
      {sets.map(([set, { scores }]) => (
        <div key={set}>
          <h2>{set.replaceAll('_', ' ')}</h2>
          <ul>
            {Object.entries(scores)
              .sort(([, a], [, b]) => b - a)
              .map(([label, score]) => (
                <li key={label}>
                  <a class="bar" href={searchPath(toggled(EMPTY, 'label', `${set}=${label}`, true))}>
                    <span class="bar-name">{label}</span>
                    <span class="bar-count">{percent(score)}</span>
                    <meter class="bar-meter" min={0} max={1} value={score} aria-hidden="true" />
                  </a>
                </li>
              ))}
          </ul>
        </div>
      ))}
    </section>
  )
}

function percent(score: number): string {
  return score > 0 && score < 0.01 ? '< 1 %' : `${Math.round(score * 100)} %`
}
