import type { Example } from '../../api/collection.js'
import { copyAt } from '../../components/grid/photo-text.js'
import { EMPTY, searchPath } from '../../state/search-state.js'

const PLACES = 8

/** Searches that find something here, each with its best hits. */
export function Examples({ examples, isDone }: { examples: Example[] | undefined; isDone: boolean }) {
  if (isDone && !examples?.length) return null
  return (
    <section class="band" aria-labelledby="examples-title">
      <h2 id="examples-title">Try a search</h2>
      <ul class="examples">
        {examples?.map(({ words, photos }) => (
          <li key={words}>
            <a class="example" href={searchPath({ ...EMPTY, words })}>
              <span class="example-pictures">
                {photos.map(
                  ({ photo_id, copy }) =>
                    copy && (
                      <img key={photo_id} src={copyAt(copy, 256)!} alt="" width={160} height={120} decoding="async" />
                    ),
                )}
              </span>
              <span class="example-words">{words}</span>
            </a>
          </li>
        ))}
        {!examples &&
          Array.from({ length: PLACES }, (_, i) => (
            <li key={i} aria-hidden="true">
              <span class="example is-pending">
                <span class="example-pictures" />
                <span class="example-words">{'\u00a0'}</span>
              </span>
            </li>
          ))}
      </ul>
    </section>
  )
}
