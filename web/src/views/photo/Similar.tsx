import { similar } from '../../api/photos.js'
import { altText, averageColour, copyAt } from '../../components/grid/photo-text.js'
import { useResource } from '../../state/resource.js'
import { EMPTY, searchPath } from '../../state/search-state.js'

const SHOWN = 18

/** Photos that the model finds most similar. */
export function Similar({ id }: { id: string }) {
  const { value, isLoading } = useResource(`similar ${id}`, () => similar(id, SHOWN))
  if (!isLoading && !value?.length) return null
  return (
    <section class="similar" aria-labelledby="similar-title">
      <div class="band-head">
        <h2 id="similar-title">Similar photos</h2>
        <a href={searchPath({ ...EMPTY, like: [id] })}>See all</a>
      </div>
      <ul class="similar-photos">
        {(value ?? Array.from({ length: SHOWN }, () => null)).map((found, i) => (
          <li key={found?.photo_id ?? i}>
            {found ? (
              <a
                href={`/photos/${encodeURIComponent(found.photo_id)}`}
                style={{ backgroundColor: averageColour(found.photo.blur_hash) ?? '' }}
              >
                {found.copy ? (
                  <img src={copyAt(found.copy, 256)!} alt={altText(found)} decoding="async" />
                ) : (
                  <span class="tile-text">{altText(found)}</span>
                )}
              </a>
            ) : (
              <span class="is-pending" />
            )}
          </li>
        ))}
      </ul>
    </section>
  )
}
