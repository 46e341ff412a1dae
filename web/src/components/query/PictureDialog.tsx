import type { RefObject } from 'preact'
import { useId, useState } from 'preact/hooks'
import { Icon } from '../parts/Icon.js'
import { searchByPicture, searchByPictureAt } from './picture-query.js'

/** Takes a picture from a file or an address, and tells of the other ways. */
export function PictureDialog({ dialog }: { dialog: RefObject<HTMLDialogElement | null> }) {
  const [problem, setProblem] = useState('')
  const [isBusy, setBusy] = useState(false)
  const [url, setUrl] = useState('')
  const title = useId()
  const field = useId()
  const search = async (work: () => Promise<void>) => {
    setBusy(true)
    setProblem('')
    try {
      await work()
      dialog.current?.close()
      setUrl('')
    } catch (error) {
      setProblem((error as Error).message)
    } finally {
      setBusy(false)
    }
  }
  const onFile = (input: HTMLInputElement) => {
    const [file] = input.files ?? []
    if (file) void search(() => searchByPicture(file))
    input.value = ''
  }
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby={title}>
      <div class="dialog-head">
        <h2 id={title}>Search by a picture</h2>
        <button type="button" class="icon-button" aria-label="Close" onClick={() => dialog.current?.close()}>
          <Icon name="close" />
        </button>
      </div>
      <label class="drop-field">
        <Icon name="picture" />
        <span>{isBusy ? 'Reading the picture …' : 'Choose a picture'}</span>
        <input
          class="visually-hidden"
          type="file"
          accept="image/*"
          disabled={isBusy}
          onChange={event => onFile(event.currentTarget)}
        />
      </label>
      <p class="hint">Or drop one anywhere on this page, or paste one from the clipboard.</p>
      <form
        class="field-row"
        onSubmit={event => {
          event.preventDefault()
          void search(() => searchByPictureAt(url.trim()))
        }}
      >
        <label class="visually-hidden" for={field}>
          Address of a picture
        </label>
        <input
          id={field}
          type="url"
          required
          placeholder="https://…"
          value={url}
          onInput={event => setUrl(event.currentTarget.value)}
        />
        <button type="submit" class="button is-primary" disabled={isBusy}>
          Search
        </button>
      </form>
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
    </dialog>
  )
}
