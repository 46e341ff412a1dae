import { useEffect } from 'preact/hooks'
import { navigate } from '../../app/navigation.js'
import { isField } from '../../app/shortcuts.js'
import { Icon } from '../../components/parts/Icon.js'
import { lastList } from '../../state/result-list.js'
import { searchPath } from '../../state/search-state.js'

const pathOf = (id: string) => `/photos/${encodeURIComponent(id)}`

/** Back to the results, and to the photos before and after this one among them. */
export function PhotoSteps({ id }: { id: string }) {
  const list = lastList.value
  const photos = list?.shown.value.photos ?? []
  const index = photos.findIndex(photo => photo.photo_id === id)
  const [before, after] = index < 0 ? [] : [photos[index - 1], photos[index + 1]]
  useEffect(() => {
    if (index >= 0 && list) list.active.value = index
    if (index >= photos.length - 5) void list?.loadMore()
  }, [list, index, photos.length])
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (
        isField(event.target) ||
        event.metaKey ||
        event.ctrlKey ||
        event.altKey ||
        document.querySelector('dialog[open]')
      )
        return
      if (event.key === 'ArrowLeft' && before) navigate(pathOf(before.photo_id), { replace: true })
      else if (event.key === 'ArrowRight' && after) navigate(pathOf(after.photo_id), { replace: true })
      else if (event.key === 'Escape' && list && index >= 0) history.back()
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [before, after, list, index])
  if (index < 0 || !list) return null
  return (
    <nav class="photo-steps" aria-label="Among the results">
      <a
        href={searchPath(list.viewed.value)}
        onClick={event => {
          event.preventDefault()
          history.back()
        }}
      >
        <Icon name="back" />
        <span>Results</span>
      </a>
      <span class="photo-place">
        {index + 1} of {photos.length}
        {list.shown.value.isComplete ? '' : '+'}
      </span>
      <button
        type="button"
        class="icon-button"
        aria-label="Previous photo"
        disabled={!before}
        onClick={() => before && navigate(pathOf(before.photo_id), { replace: true })}
      >
        <Icon name="back" />
      </button>
      <button
        type="button"
        class="icon-button"
        aria-label="Next photo"
        disabled={!after}
        onClick={() => after && navigate(pathOf(after.photo_id), { replace: true })}
      >
        <Icon name="next" />
      </button>
    </nav>
  )
}
