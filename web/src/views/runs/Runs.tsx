import { useEffect } from 'preact/hooks'
import { runsAndWorkers } from '../../api/runs.js'
import { Icon } from '../../components/parts/Icon.js'
import { Failure } from '../../components/states/Failure.js'
import { announce } from '../../state/current.js'
import { usePolled } from '../../state/use-polled.js'
import { QueueDepth } from './QueueDepth.js'
import { RunEntry } from './RunEntry.js'
import { Workers } from './Workers.js'

const REFRESH_MS = 3000

/** What is and was ingested, and who works at it. */
export function Runs() {
  const { value, error, retry } = usePolled(runsAndWorkers, REFRESH_MS)
  const running = value?.runs.filter(({ state }) => state !== 'done' && state !== 'cancelled').length
  useEffect(() => {
    document.title = 'Runs – unsplash-clip'
  }, [])
  useEffect(() => {
    if (running !== undefined) announce(running === 0 ? 'No run is in work.' : `Runs in work: ${running}`)
  }, [running])
  if (error !== undefined && !value) return <Failure error={error} retry={retry} />
  return (
    <div class="runs-view">
      <h1 class="results-title">Runs</h1>
      {error !== undefined && (
        <p class="problem" role="alert">
          These figures are old: {(error as Error).message}
        </p>
      )}
      {value && <QueueDepth queue={value.queue} />}
      {value?.runs.length === 0 && (
        <section class="notice">
          <Icon name="runs" />
          <h2>No runs yet</h2>
          <p>
            <code>unsplash-clip ingest FOLDER</code> makes the first.
          </p>
        </section>
      )}
      <ul class="runs" aria-label="The newest runs">
        {value?.runs.map(run => (
          <RunEntry key={run.id} run={run} />
        ))}
        {!value &&
          Array.from({ length: 4 }, (_, i) => (
            <li key={i} aria-hidden="true">
              <span class="run is-pending" />
            </li>
          ))}
      </ul>
      {value && <Workers workers={value.workers} />}
    </div>
  )
}
