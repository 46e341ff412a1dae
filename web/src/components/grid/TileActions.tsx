import { Icon } from '../parts/Icon.js'
import { steer } from './steering.js'

/** Steers the search by a photo of the grid. With the keyboard, `m` and `l` on the photo do the same. */
export function TileActions({ id }: { id: string }) {
  return (
    <span class="tile-actions">
      <button
        type="button"
        tabIndex={-1}
        aria-label="More like this"
        title="More like this (m)"
        onClick={() => steer('like', id)}
      >
        <Icon name="plus" />
      </button>
      <button
        type="button"
        tabIndex={-1}
        aria-label="Less like this"
        title="Less like this (l)"
        onClick={() => steer('unlike', id)}
      >
        <Icon name="minus" />
      </button>
    </span>
  )
}
