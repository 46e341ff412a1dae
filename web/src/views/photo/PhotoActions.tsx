import { Icon } from '../../components/parts/Icon.js'
import { lastList } from '../../state/result-list.js'
import { added, EMPTY, searchPath } from '../../state/search-state.js'

interface Props {
  id: string
  copy: string | null
  showsSquare: boolean
  toggleSquare: () => void
}

/** What can be done with a photo. */
export function PhotoActions({ id, copy, showsSquare, toggleSquare }: Props) {
  const state = lastList.value?.viewed.value ?? EMPTY
  const path = `/api/v1/photos/${encodeURIComponent(id)}`
  return (
    <div class="photo-actions">
      <a class="button is-primary" href={searchPath(added(state, 'like', id))}>
        <Icon name="plus" />
        More like this
      </a>
      <a class="button" href={searchPath(added(state, 'unlike', id))}>
        <Icon name="minus" />
        Less like this
      </a>
      <button type="button" class="button" aria-pressed={showsSquare} onClick={toggleSquare}>
        <Icon name="eye" />
        What the model saw
      </button>
      <details class="menu">
        <summary class="button">
          <Icon name="download" />
          Download
        </summary>
        <ul>
          {copy && (
            <li>
              <a href={copy} download={`${id}.jpg`}>
                Stored copy (JPEG)
              </a>
            </li>
          )}
          <li>
            <a href={`${path}/vector`} download={`${id}.vector.json`}>
              Vector (JSON)
            </a>
          </li>
          <li>
            <a href={path} download={`${id}.json`}>
              Metadata and labels (JSON)
            </a>
          </li>
        </ul>
      </details>
    </div>
  )
}
