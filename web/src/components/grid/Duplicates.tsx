import { toggleDuplicates } from './steering.js'

interface Props {
  id: string
  count: number
  isOpen: boolean
}

/** How many near duplicates a photo of the grid stands for. A click, or `d` on the photo, shows them. */
export function Duplicates({ id, count, isOpen }: Props) {
  const text = `${isOpen ? 'Hide' : 'Show'} ${count} near ${count === 1 ? 'duplicate' : 'duplicates'}`
  return (
    <button
      type="button"
      class="tile-duplicates"
      tabIndex={-1}
      aria-label={text}
      title={`${text} (d)`}
      aria-expanded={isOpen}
      onClick={() => toggleDuplicates(id)}
    >
      {isOpen ? '−' : '+'}
      {count}
    </button>
  )
}
