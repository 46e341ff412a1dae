import { Missing } from '../../components/states/Missing.js'
import { lastList } from '../../state/result-list.js'
import { searchPath } from '../../state/search-state.js'

/** For an id that no photo has. */
export function NoSuchPhoto({ id }: { id: string }) {
  const results = lastList.value?.viewed.value
  return (
    <Missing
      title="There is no such photo"
      text={`No photo of the collection has the id ${id}. It was removed, or the link is incomplete.`}
    >
      {results && (
        <a class="button is-primary" href={searchPath(results)}>
          Back to the results
        </a>
      )}
      <a class={results ? '' : 'button is-primary'} href="/search">
        See all photos
      </a>
    </Missing>
  )
}
