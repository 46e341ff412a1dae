import { useEffect } from 'preact/hooks'
import { examples, searchedModel } from '../../api/collection.js'
import { facets } from '../../api/counts.js'
import { browse } from '../../api/photos.js'
import { restorePlace } from '../../app/navigation.js'
import { QueryBar } from '../../components/query/QueryBar.js'
import { Failure } from '../../components/states/Failure.js'
import { useResource } from '../../state/resource.js'
import { EMPTY } from '../../state/search-state.js'
import { Examples } from './Examples.js'
import { Facets } from './Facets.js'
import { Newest } from './Newest.js'

const NEWEST = 24

/** The collection at a glance. */
export function Home() {
  const model = useResource('model', searchedModel)
  const newest = useResource('newest', () => browse(EMPTY, { k: NEWEST }))
  const searches = useResource('examples', examples)
  const counted = useResource('home facets', () => facets(EMPTY, [], 8))
  // The number of examples decides where the facets lie. So they wait for it, and nothing that is shown moves.
  const hasPlaces = !searches.isLoading
  const isReady = newest.value !== undefined && counted.value !== undefined && hasPlaces
  useEffect(() => {
    document.title = 'unsplash-clip'
  }, [])
  useEffect(() => {
    if (isReady) restorePlace()
  }, [isReady])
  const photos = model.value?.photos
  return (
    <div class="home">
      <section class="hero">
        <h1>
          {photos === undefined
            ? 'Search photos by meaning'
            : photos === 0
              ? 'No photos yet'
              : `Search ${photos.toLocaleString('en')} photos by meaning`}
        </h1>
        <p class="hero-text">
          {photos === 0
            ? 'Ingest some with `unsplash-clip ingest FOLDER`, and they appear here.'
            : 'Describe what you remember, or drop a picture. No tags, no folders needed.'}
        </p>
        <QueryBar isLarge />
      </section>
      {newest.error !== undefined && <Failure error={newest.error} retry={newest.retry} />}
      {photos !== 0 && newest.error === undefined && (
        <>
          <Newest photos={newest.value?.photos} />
          <Examples examples={searches.value} isDone={hasPlaces} />
          {hasPlaces && <Facets facets={counted.value} />}
          {isReady && (
            <footer class="home-foot">
              For programs: <a href="/api">HTTP API</a>
            </footer>
          )}
        </>
      )}
    </div>
  )
}
