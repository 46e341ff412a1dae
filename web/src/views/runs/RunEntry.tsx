import type { Run } from '../../api/runs.js'
import { RunBar } from './RunBar.js'
import { RunState } from './RunState.js'
import { figures, sourceText, timeText } from './run-texts.js'

/** A run in the list. */
export function RunEntry({ run }: { run: Run }) {
  const { id, state, source, created_at } = run
  return (
    <li>
      <a class="run" href={`/runs/${encodeURIComponent(id)}`}>
        <span class="run-head">
          <span class="run-name" title={source}>
            {sourceText(source)}
          </span>
          <RunState state={state} />
          <time class="run-time" dateTime={created_at}>
            {timeText(created_at)}
          </time>
        </span>
        <RunBar run={run} />
        <span class="run-figures">{figures(run).join(' · ')}</span>
      </a>
    </li>
  )
}
