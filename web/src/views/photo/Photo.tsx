import { useEffect, useState } from 'preact/hooks'
import { photoDetails } from '../../api/photos.js'
import type { ViewProps } from '../../app/paths.js'
import { altText } from '../../components/grid/photo-text.js'
import { lazy } from '../../components/parts/lazy.js'
import { Failure } from '../../components/states/Failure.js'
import { isMissing } from '../../components/states/Missing.js'
import { useResource } from '../../state/resource.js'
import { NoSuchPhoto } from './NoSuchPhoto.js'
import { PhotoActions } from './PhotoActions.js'
import { PhotoCredit } from './PhotoCredit.js'
import { PhotoFacts } from './PhotoFacts.js'
import { PhotoLabels } from './PhotoLabels.js'
import { PhotoPicture } from './PhotoPicture.js'
import { Similar } from './Similar.js'

const PhotoPlace = lazy(async () => (await import('./PhotoPlace.js')).PhotoPlace, 'photo-map is-pending')

/** One photo: the picture, who took it, what is known about it, and what is like it. */
export function Photo({ parameters: { id = '' } }: ViewProps) {
  const { value, error, retry } = useResource(`photo ${id}`, () => photoDetails(id))
  const [showsSquare, setShowsSquare] = useState(false)
  const state = value?.models.find(model => model.copy !== null) ?? value?.models[0]
  const title = value ? altText({ photo: value.photo, labels: state?.labels ?? {} }) : ''
  useEffect(() => {
    if (title) document.title = `${title} – unsplash-clip`
  }, [title])
  if (isMissing(error)) return <NoSuchPhoto id={id} />
  if (error !== undefined) return <Failure error={error} retry={retry} />
  return (
    <article class="photo">
      <PhotoPicture
        key={id}
        id={id}
        photo={value?.photo}
        copy={state?.copy ?? null}
        title={title}
        showsSquare={showsSquare}
      />
      <div class="photo-side">
        <h1>{title || '\u00a0'}</h1>
        {value && <PhotoCredit photo={value.photo} isDemo={state?.model.startsWith('demo@') ?? false} />}
        {value && (
          <PhotoActions
            id={id}
            copy={state?.copy ?? null}
            showsSquare={showsSquare}
            toggleSquare={() => setShowsSquare(!showsSquare)}
          />
        )}
        {state && <PhotoLabels labels={state.labels} />}
        {value && value.photo.photo_location_latitude !== null && value.photo.photo_location_longitude !== null && (
          <PhotoPlace photo={value.photo} />
        )}
        {value && <PhotoFacts photo={value.photo} />}
      </div>
      {/* After what lies above it, which would push it away. */}
      {value && <Similar id={id} />}
    </article>
  )
}
