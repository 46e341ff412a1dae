import { announcement } from '../../state/current.js'

/** Tells screen readers what changed, without moving the focus. */
export function LiveRegion() {
  return (
    <p class="visually-hidden" role="status" aria-live="polite">
      {announcement.value}
    </p>
  )
}
