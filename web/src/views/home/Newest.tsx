import type { Found } from '../../api/photos.js'
import { altText, averageColour, copyAt } from '../../components/grid/photo-text.js'

const PLACES = 12

/** The newest photos, in a row that can be pushed aside. */
export function Newest({ photos }: { photos: Found[] | undefined }) {
  return (
    <section class="band" aria-labelledby="newest-title">
      <div class="band-head">
        <h2 id="newest-title">Newest</h2>
        <a href="/search">All photos</a>
      </div>
      <ul class="strip">
        {photos?.map(found => (
          <li key={found.photo_id}>
            <a class="strip-photo" href={`/photos/${encodeURIComponent(found.photo_id)}`} style={placeholder(found)}>
              {found.copy && (
                <img
                  src={copyAt(found.copy, 256)!}
                  srcset={`${copyAt(found.copy, 256)} 1x, ${copyAt(found.copy, 384)} 2x`}
                  alt={altText(found)}
                  decoding="async"
                />
              )}
              {!found.copy && <span class="tile-text">{altText(found)}</span>}
            </a>
          </li>
        ))}
        {!photos &&
          Array.from({ length: PLACES }, (_, i) => (
            <li key={i} aria-hidden="true">
              <span class="strip-photo is-pending" />
            </li>
          ))}
      </ul>
    </section>
  )
}

function placeholder({ photo }: Found): Record<string, string> {
  const ratio = photo.photo_width && photo.photo_height ? `${photo.photo_width} / ${photo.photo_height}` : '3 / 2'
  const colour = averageColour(photo.blur_hash)
  return { aspectRatio: ratio, ...(colour ? { backgroundColor: colour } : {}) }
}
