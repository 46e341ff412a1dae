import { useState } from 'preact/hooks'
import { type FailuresOfCode, retryRun } from '../../../api/runs.js'
import { Icon } from '../../../components/parts/Icon.js'
import { announce } from '../../../state/current.js'
import { photosText } from '../run-texts.js'
import { FailedPhotos } from './FailedPhotos.js'

interface Props {
  runId: string
  failures: FailuresOfCode
}

/** The failures of a code: what it means, the photos, and another try. */
export function FailureGroup({ runId, failures: { code, help, photos } }: Props) {
  const [isOpen, setOpen] = useState(false)
  const [isBusy, setBusy] = useState(false)
  const [problem, setProblem] = useState('')
  const [made, setMade] = useState<string | null>(null)
  const retry = async () => {
    if (isBusy || made !== null) return
    setBusy(true)
    setProblem('')
    try {
      setMade(await retryRun(runId, code))
      announce(`${photosText(photos)} with ${code} are tried again.`)
    } catch (error) {
      setProblem((error as Error).message)
    } finally {
      setBusy(false)
    }
  }
  return (
    <li class="failure-group">
      <div class="failure-head">
        <h3>
          <code>{code}</code>
        </h3>
        <p class="failure-count">{photosText(photos)}</p>
        <button
          type="button"
          class="button"
          aria-disabled={isBusy || made !== null}
          aria-label={`Try again: ${photosText(photos)} with ${code}`}
          onClick={() => void retry()}
        >
          <Icon name="retry" />
          Try again
        </button>
      </div>
      <p class="quiet">{help}</p>
      {made !== null && (
        <p>
          They are tried again, as <a href={`/runs/${encodeURIComponent(made)}`}>a run of their own</a>.
        </p>
      )}
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <details onToggle={event => setOpen(event.currentTarget.open)}>
        <summary>Photos with {code}</summary>
        {isOpen && <FailedPhotos key={photos} runId={runId} code={code} />}
      </details>
    </li>
  )
}
