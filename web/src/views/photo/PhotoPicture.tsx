import { useState } from 'preact/hooks'
import type { PhotoMetadata } from '../../api/schema.js'
import { averageColour, copyAt } from '../../components/grid/photo-text.js'
import { PhotoSteps } from './PhotoSteps.js'

interface Props {
  id: string
  photo: PhotoMetadata | undefined
  copy: string | null
  title: string
  showsSquare: boolean
}

/** The stored copy, over its thumbnail, which the grid has loaded already. Or the square that the model saw. */
export function PhotoPicture({ id, photo, copy, title, showsSquare }: Props) {
  const [isLarge, setLarge] = useState(false)
  const { photo_width: width, photo_height: height } = photo ?? {}
  const colour = averageColour(photo?.blur_hash)
  const ratio = width && height ? Number(width) / Number(height) : 1.5
  const style = { '--ratio': String(showsSquare ? 1 : ratio), ...(colour ? { backgroundColor: colour } : {}) }
  return (
    <div class="photo-stage">
      <PhotoSteps id={id} />
      <div class="photo-frame" style={style}>
        {showsSquare && (
          <img
            class="is-square"
            src={`/api/v1/photos/${encodeURIComponent(id)}/square`}
            alt={`What the model saw: ${title}`}
          />
        )}
        {!showsSquare && copy && !isLarge && <img src={copyAt(copy, 256)!} alt="" />}
        {!showsSquare && copy && (
          <img class={isLarge ? '' : 'is-coming'} src={copy} alt={title} onLoad={() => setLarge(true)} />
        )}
        {photo && !showsSquare && !copy && <p class="photo-missing">No copy of this photo is stored.</p>}
      </div>
    </div>
  )
}
