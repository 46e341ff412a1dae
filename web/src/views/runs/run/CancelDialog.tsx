import { useEffect, useId, useRef } from 'preact/hooks'
import { photosText } from '../run-texts.js'

interface Props {
  left: number
  close: () => void
  cancel: () => void
}

/** Asks before a run ends for good. The focus is on what changes nothing. */
export function CancelDialog({ left, close, cancel }: Props) {
  const dialog = useRef<HTMLDialogElement>(null)
  const title = useId()
  useEffect(() => dialog.current?.showModal(), [])
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby={title} onClose={close}>
      <div class="dialog-head">
        <h2 id={title}>Cancel this run for good?</h2>
      </div>
      <p>
        {photosText(left)} of it will not be embedded. Workers finish what they hold, and embedded photos stay. A
        cancelled run cannot be resumed.
      </p>
      <div class="dialog-foot">
        <button type="button" class="button" onClick={() => dialog.current?.close()}>
          Keep it
        </button>
        <button
          type="button"
          class="button is-danger"
          onClick={() => {
            dialog.current?.close()
            cancel()
          }}
        >
          Cancel the run
        </button>
      </div>
    </dialog>
  )
}
