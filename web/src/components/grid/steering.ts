import { isField } from '../../app/shortcuts.js'
import { current, show } from '../../state/current.js'
import { added, withOpened } from '../../state/search-state.js'

export type Direction = 'like' | 'unlike'

/** Keys on a photo of the grid. */
export const STEERS: Readonly<Record<string, Direction>> = { m: 'like', l: 'unlike' }

/** The key that shows or hides the near duplicates of a photo of the grid. */
export const OPENS = 'd'

/** Shows the near duplicates of a photo of the grid, or hides them again. */
export function toggleDuplicates(photoId: string): void {
  show(withOpened(current.value, photoId), true)
}

let isSteered = false

/** Turns the search towards a photo, or away from it. */
export function steer(direction: Direction, photoId: string): void {
  isSteered = true
  show(added(current.value, direction, photoId))
}

/**
 * Whether the results follow from a photo of the former ones: then the first one gets the focus, unless the reader has gone
 * on to a field. Asked once.
 */
export function takeSteered(): boolean {
  const was = isSteered
  isSteered = false
  return was && !isField(document.activeElement)
}
