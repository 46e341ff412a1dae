import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { removePhotos } from '../../api/duplicates.js'
import type { Found } from '../../api/photos.js'
import { copyAt } from '../../components/grid/photo-text.js'
import { forgetCollection } from '../../state/forget.js'
import { countOf } from './duplicate-texts.js'

export interface Removal {
  /** The photo that stays; null: all others of the group do. */
  kept: string | null
  photos: readonly Found[]
  /** Whether some of them may resemble the photo that stays only through others. */
  mayDiffer: boolean
  /** Id of the heading of the group. */
  heading: string
}

interface Props {
  /** Null: nothing is asked. */
  removal: Removal | null
  close: () => void
  onRemoved: (ids: readonly string[], heading: string) => void
}

/** Asks before photos are removed, and says what goes and what stays. */
export function RemovalDialog({ removal, close, onRemoved }: Props) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [problem, setProblem] = useState('')
  const [isBusy, setBusy] = useState(false)
  const title = useId()
  // Not at the dialog's close event: it comes late, when the next question may be asked already.
  useEffect(() => {
    setProblem('')
    if (removal) dialog.current?.showModal()
    else dialog.current?.close()
  }, [removal])
  const remove = async ({ photos, heading }: Removal) => {
    setBusy(true)
    try {
      const ids = photos.map(({ photo_id }) => photo_id)
      await removePhotos(ids)
      forgetCollection()
      // At once: behind an open dialog nothing takes the focus.
      dialog.current?.close()
      close()
      onRemoved(ids, heading)
    } catch (error) {
      setProblem((error as Error).message)
    } finally {
      setBusy(false)
    }
  }
  const cancel = () => {
    dialog.current?.close()
    close()
  }
  const count = countOf(removal?.photos.length ?? 0, 'photo')
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby={title} onCancel={close}>
      <h2 id={title}>Remove {count}?</h2>
      <ul class="removal-photos">
        {removal?.photos.map(({ photo_id: id, copy }) => (
          <li key={id}>
            {copy && <img src={copyAt(copy, 128)!} alt="" height={96} />}
            <span>{id}</span>
          </li>
        ))}
      </ul>
      {removal?.mayDiffer && (
        <p>Some of them may resemble the photo that stays only through others of the group. Look at each of them.</p>
      )}
      <p class="hint">
        Embeddings, labels, marks and stored copies are removed with it. The original file is never deleted. Ingesting
        it again brings the photo back.
      </p>
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <div class="dialog-actions">
        <button type="button" class="button" onClick={cancel}>
          Cancel
        </button>
        <button
          type="button"
          class="button is-danger"
          disabled={isBusy || !removal?.photos.length}
          onClick={() => removal && void remove(removal)}
        >
          Remove {count}
        </button>
      </div>
    </dialog>
  )
}
