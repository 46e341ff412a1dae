import { Icon } from '../parts/Icon.js'

/** For addresses that lead nowhere. */
export function NotFound() {
  return (
    <section class="notice">
      <Icon name="search" />
      <h1>There is no such page</h1>
      <p>
        <a href="/">Go to the collection</a>
      </p>
    </section>
  )
}
