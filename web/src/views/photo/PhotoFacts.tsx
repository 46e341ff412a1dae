import type { PhotoMetadata } from '../../api/schema.js'
import type { FilterName } from '../../state/filters.js'
import { EMPTY, searchPath, toggled } from '../../state/search-state.js'

interface Fact {
  name: string
  text: string
  href?: string
}

const filtered = (name: FilterName, value: string) => searchPath(toggled(EMPTY, name, value, true))

/** What is known about the photo. Values that can restrict a search lead to such a search. */
export function PhotoFacts({ photo }: { photo: PhotoMetadata }) {
  const facts = factsOf(photo)
  if (facts.length === 0) return null
  return (
    <section class="photo-facts">
      <h2>Details</h2>
      <dl>
        {facts.map(({ name, text, href }) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{href ? <a href={href}>{text}</a> : text}</dd>
          </div>
        ))}
      </dl>
    </section>
  )
}

function factsOf(photo: PhotoMetadata): Fact[] {
  const text = (column: keyof PhotoMetadata) => (photo[column] === null ? null : String(photo[column]))
  const facts: Fact[] = []
  const add = (name: string, value: string | null | false, href?: string) => {
    if (value) facts.push({ name, text: value, ...(href ? { href } : {}) })
  }
  const day = text('photo_submitted_at')?.slice(0, 10) ?? null
  add('Date', day, day ? filtered('time', day.slice(0, 7)) : undefined)
  const [city, country] = [text('photo_location_city'), text('photo_location_country')]
  add('Place', text('photo_location_name') ?? ([city, country].filter(Boolean).join(', ') || null))
  add('Country', country, country ? filtered('country', country) : undefined)
  const camera = text('exif_camera_model')
  add('Camera', cameraName(text('exif_camera_make'), camera), camera ? filtered('camera', camera) : undefined)
  add('Lens', text('exif_lens'))
  const iso = text('exif_iso')
  const exposure = [
    text('exif_aperture_value') && `ƒ/${text('exif_aperture_value')}`,
    text('exif_exposure_time') && `${text('exif_exposure_time')} s`,
    text('exif_focal_length') && `${text('exif_focal_length')} mm`,
    iso && `ISO ${iso}`,
  ]
  add('Exposure', exposure.filter(Boolean).join(' · ') || null)
  add('Size', photo.photo_width && photo.photo_height ? `${photo.photo_width} × ${photo.photo_height}` : null)
  const by = text('photographer_username')
  add('Photographer', by, by ? filtered('by', by) : undefined)
  const count = (column: 'stats_views' | 'stats_downloads') =>
    photo[column] === null ? null : Number(photo[column]).toLocaleString('en')
  add('Views', count('stats_views'))
  add('Downloads', count('stats_downloads'))
  add('Id', text('photo_id'))
  return facts
}

/** Many models begin with the name of their maker. */
function cameraName(make: string | null, model: string | null): string | null {
  if (make === null || model === null) return make ?? model
  const [first = ''] = make.toLowerCase().split(' ')
  return model.toLowerCase().startsWith(first) ? model : `${make} ${model}`
}
