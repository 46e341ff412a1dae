import { Icon } from '../../components/parts/Icon.js'

/** Nothing was projected yet. */
export function NoProjections() {
  return (
    <section class="notice">
      <Icon name="map" />
      <h1>No map yet</h1>
      <p>
        Make one with <code>unsplash-clip analyze project</code>, and it appears here.
      </p>
    </section>
  )
}
