import { useState } from 'preact/hooks'
import { copyOfPhoto } from '../../api/projections.js'
import { THUMBNAIL, type Thumbnail } from './thumbnails.js'

interface Props extends Pick<Thumbnail, 'x' | 'y'> {
  id: string
  color: string
}

/** A photo at its place on the map, as a link. One without a stored copy stays a point. */
export function PointPhoto({ id, x, y, color }: Props) {
  const [isMissing, setMissing] = useState(false)
  if (isMissing) return null
  return (
    <a
      class="points-photo"
      href={`/photos/${id}`}
      aria-label={`Photo ${id}`}
      draggable={false}
      style={{ transform: `translate(${x - THUMBNAIL / 2}px, ${y - THUMBNAIL / 2}px)`, borderColor: color }}
    >
      <img
        src={copyOfPhoto(id, 64)}
        alt=""
        decoding="async"
        draggable={false}
        loading="lazy"
        onError={() => setMissing(true)}
      />
    </a>
  )
}
