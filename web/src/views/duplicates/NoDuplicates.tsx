import { Icon } from '../../components/parts/Icon.js'
import { duplicatesPath, LEVELS } from './duplicate-texts.js'

/** No two photos are that alike. */
export function NoDuplicates({ least }: { least: number }) {
  const lower = LEVELS.filter(level => level < least).at(-1)
  return (
    <section class="notice">
      <Icon name="duplicates" />
      <h2>No duplicates</h2>
      <p>No two photos have a similarity of {least} or more.</p>
      {lower !== undefined && (
        <a class="button" href={duplicatesPath(lower)}>
          Look from {lower}
        </a>
      )}
    </section>
  )
}
