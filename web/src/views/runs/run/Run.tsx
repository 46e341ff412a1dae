import { useEffect } from 'preact/hooks'
import type { ViewProps } from '../../../app/paths.js'
import { Icon } from '../../../components/parts/Icon.js'
import { Failure } from '../../../components/states/Failure.js'
import { isMissing } from '../../../components/states/Missing.js'
import { may } from '../../../state/caller.js'
import { announce } from '../../../state/current.js'
import { RunBar } from '../RunBar.js'
import { RunState } from '../RunState.js'
import { figures, photosText, sourceText, timeText } from '../run-texts.js'
import { FailureGroup } from './FailureGroup.js'
import { NoSuchRun } from './NoSuchRun.js'
import { RunControls } from './RunControls.js'
import { useRun } from './use-run.js'

/** One run as it happens: progress, controls, and what failed. */
export function Run({ parameters: { id = '' } }: ViewProps) {
  return <RunOf key={id} id={id} />
}

function RunOf({ id }: { id: string }) {
  const { run, failures, givenUp, connection, error, retry, update } = useRun(id)
  const state = run?.state
  useEffect(() => {
    document.title = `Run ${id} – unsplash-clip`
  }, [id])
  useEffect(() => {
    if (state) announce(`The run is ${state}.`)
  }, [state])
  if (isMissing(error) && run === null) return <NoSuchRun id={id} />
  if (error !== undefined && run === null) return <Failure error={error} retry={retry} />
  return (
    <article class="runs-view">
      <p>
        <a class="run-back" href="/runs">
          <Icon name="back" />
          All runs
        </a>
      </p>
      <div class="run-head">
        <h1 class="results-title">{run ? sourceText(run.source) : '\u00a0'}</h1>
        {run && <RunState state={run.state} />}
        {connection === 'lost' && <span class="run-state is-bad">connecting again …</span>}
      </div>
      {run && (
        <>
          <p class="quiet">
            <code>{run.source}</code> · {run.id} · {run.model} · {timeText(run.created_at)}
            {run.priority === 'normal' ? '' : ` · priority ${run.priority}`}
          </p>
          <RunBar run={run} />
          <p class="run-figures">{figures(run).join(' · ')}</p>
          {may('admin') && <RunControls run={run} update={update} />}
        </>
      )}
      {run && (
        <section class="band" aria-labelledby="failures-title">
          <h2 id="failures-title">Failures</h2>
          {failures.length === 0 && givenUp.length === 0 && <p class="quiet">No photo of this run failed.</p>}
          <ul class="failures">
            {failures.map(group => (
              <FailureGroup key={group.code} runId={id} failures={group} />
            ))}
            {givenUp.map(({ code, photos, message }) => (
              <li key={`given up ${code}`} class="failure-group">
                <h3>
                  <code>{code}</code>
                </h3>
                <p>{photosText(photos)} that the queue gave up</p>
                <p class="quiet">{message}</p>
              </li>
            ))}
          </ul>
        </section>
      )}
    </article>
  )
}
