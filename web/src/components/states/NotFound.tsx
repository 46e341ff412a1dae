import { place } from '../../app/navigation.js'
import { Missing } from './Missing.js'

/** For addresses that lead nowhere. */
export function NotFound() {
  return (
    <Missing
      title="There is no such page"
      text={`Nothing is at ${place.value.path}. The address may be mistyped or incomplete.`}
    >
      <a class="button is-primary" href="/">
        Go to the collection
      </a>
      <a href="/search">See all photos</a>
    </Missing>
  )
}
