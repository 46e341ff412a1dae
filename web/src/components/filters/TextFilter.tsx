import { useId, useState } from 'preact/hooks'
import { show } from '../../state/current.js'
import type { FilterKind } from '../../state/filters.js'
import { type SearchState, toggled } from '../../state/search-state.js'

/** Takes a value of a facet that has more than are shown. */
export function TextFilter({ kind: { name, title, isMany }, state }: { kind: FilterKind; state: SearchState }) {
  const field = useId()
  const [text, setText] = useState('')
  return (
    <form
      class="text-filter"
      onSubmit={event => {
        event.preventDefault()
        const value = text.trim()
        if (value !== '' && !state.filters[name]?.includes(value)) show(toggled(state, name, value, isMany))
        setText('')
      }}
    >
      <label class="visually-hidden" for={field}>
        {title}
      </label>
      <input
        id={field}
        value={text}
        maxLength={200}
        placeholder={`Type a ${title.toLowerCase()}`}
        onInput={event => setText(event.currentTarget.value)}
      />
    </form>
  )
}
