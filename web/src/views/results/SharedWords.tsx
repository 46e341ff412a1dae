import { sharedWords } from '../../api/counts.js'
import { Icon } from '../../components/parts/Icon.js'
import { useResource } from '../../state/resource.js'
import { added, hasSubject, type SearchState, searchPath } from '../../state/search-state.js'
import { useCounted } from '../../state/use-counted.js'

const MOST = 10
/** Whether the last hits had words. Until the next ones are there, their place is kept accordingly, so that nothing moves. */
const HAD_WORDS = 'hits had words'
let hadWords = localStorage.getItem(HAD_WORDS) !== 'no'

function remember(hasWords: boolean): void {
  if (hasWords === hadWords) return
  hadWords = hasWords
  localStorage.setItem(HAD_WORDS, hasWords ? 'yes' : 'no')
}

/**
 * Words that the hits share and the collection does not, to search for more of them, or for less.
 * @param isReady whether the hits are there: they come first
 */
export function SharedWords({ state, isReady }: { state: SearchState; isReady: boolean }) {
  const counted = useCounted(state)
  if (!hasSubject(state) && Object.keys(state.filters).length === 0) return null
  if (!isReady) return hadWords ? <div class="shared-words" /> : null
  return <Words key={searchPath(counted)} state={state} counted={counted} />
}

function Words({ state, counted }: { state: SearchState; counted: SearchState }) {
  const { value, isLoading, error } = useResource(`words ${searchPath(counted)}`, () => sharedWords(counted, MOST))
  if (value) remember(value.length > 0)
  if (error !== undefined || (value ? value.length === 0 : !hadWords)) return null
  return (
    <section class="shared-words" aria-labelledby="shared-words-title" aria-busy={isLoading}>
      <h2 id="shared-words-title">These hits share</h2>
      <ul>
        {value?.map(({ word, photos, of }) => (
          <li key={word} class="shared-word" title={`${photos} of ${of} photos`}>
            <a href={searchPath(added(state, 'plus', word))} aria-label={`More of: ${word}`}>
              <Icon name="plus" />
              <span>{word}</span>
            </a>
            <a
              href={searchPath(added(state, 'minus', word))}
              aria-label={`Less of: ${word}`}
              title={`Less of: ${word}`}
            >
              <Icon name="minus" />
            </a>
          </li>
        ))}
      </ul>
    </section>
  )
}
