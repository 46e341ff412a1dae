import { Icon } from '../../components/parts/Icon.js'

/** No label set was predicted. */
export function NoLabels() {
  return (
    <section class="notice">
      <Icon name="label" />
      <h1>No labels yet</h1>
      <p>
        Predict a label set with <code>unsplash-clip labels predict taken_time</code>, and it appears here.
      </p>
    </section>
  )
}
