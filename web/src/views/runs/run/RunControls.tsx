import { useState } from 'preact/hooks'
import { cancelRun, pauseRun, type Run, resumeRun } from '../../../api/runs.js'
import { Icon } from '../../../components/parts/Icon.js'
import { announce } from '../../../state/current.js'
import { CancelDialog } from './CancelDialog.js'

interface Props {
  run: Run
  update: (run: Run) => void
}

/** Pauses, resumes and cancels. Nothing can be done with a run that is over. */
export function RunControls({ run, update }: Props) {
  const [isBusy, setBusy] = useState(false)
  const [problem, setProblem] = useState('')
  const [isAsked, setAsked] = useState(false)
  const isPaused = run.state === 'paused'
  const act = async (work: (id: string) => Promise<{ run: Run }>) => {
    if (isBusy) return
    setBusy(true)
    setProblem('')
    try {
      const { run: after } = await work(run.id)
      update(after)
      announce(`The run is ${after.state}.`)
      // The buttons are gone then.
      if (after.state === 'cancelled') document.getElementById('main')?.focus()
    } catch (error) {
      setProblem((error as Error).message)
    } finally {
      setBusy(false)
    }
  }
  if (run.state === 'done' || run.state === 'cancelled') return null
  return (
    <>
      <div class="photo-actions">
        <button
          type="button"
          class="button"
          aria-disabled={isBusy}
          onClick={() => void act(isPaused ? resumeRun : pauseRun)}
        >
          <Icon name={isPaused ? 'play' : 'pause'} />
          {isPaused ? 'Resume' : 'Pause'}
        </button>
        <button type="button" class="button is-danger" aria-disabled={isBusy} onClick={() => setAsked(true)}>
          <Icon name="close" />
          Cancel run
        </button>
      </div>
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      {isAsked && <CancelDialog left={run.left} close={() => setAsked(false)} cancel={() => void act(cancelRun)} />}
    </>
  )
}
