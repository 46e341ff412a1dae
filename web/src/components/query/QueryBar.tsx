import { useEffect, useRef, useState } from 'preact/hooks'
import { current, show } from '../../state/current.js'
import { withWords } from '../../state/query-words.js'
import { Icon } from '../parts/Icon.js'
import { PictureDialog } from './PictureDialog.js'

/** The words of the search, and the way to a search by a picture. */
export function QueryBar({ isLarge = false }: { isLarge?: boolean }) {
  const { words } = current.value
  const [text, setText] = useState(words)
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => setText(words), [words])
  const submit = (event: Event) => {
    event.preventDefault()
    const next = withWords(current.value, text)
    setText(next.words)
    show(next)
  }
  return (
    <search>
      <form class={`query ${isLarge ? 'is-large' : ''}`} action="/search" onSubmit={submit}>
        <Icon name="search" />
        <label class="visually-hidden" for="search-words">
          Search photos
        </label>
        <input
          id="search-words"
          type="search"
          name="q"
          value={text}
          placeholder="Describe a photo"
          title="+words: more of it, -words: less of it. Example: a beach +at night -people"
          autocomplete="off"
          enterkeyhint="search"
          maxLength={2000}
          onInput={event => setText(event.currentTarget.value)}
          onKeyDown={event => event.key === 'Escape' && (text === words ? event.currentTarget.blur() : setText(words))}
        />
        <span class="query-key" aria-hidden="true">
          /
        </span>
        <button
          type="button"
          class="icon-button"
          aria-label="Search by a picture"
          title="Search by a picture"
          onClick={() => dialog.current?.showModal()}
        >
          <Icon name="picture" />
        </button>
      </form>
      <PictureDialog dialog={dialog} />
    </search>
  )
}
