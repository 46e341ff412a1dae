import { may } from '../../state/caller.js'
import { showMap } from './map-state.js'

interface Props {
  photos: number
  names: readonly string[]
  name: string
  sets: readonly string[]
  facet: string | null
}

/** Metadata of which a photo has one value. */
const METADATA = {
  country: 'Country',
  year: 'Year',
  iso: 'ISO',
  camera_make: 'Camera make',
  orientation: 'Orientation',
  photographer: 'Photographer',
}
/** Paths of files are shown to those who may ingest. */
const OF_FILES = { folder: 'Folder' }

/** Which projection is shown, and what colours it. */
export function MapTools({ photos, names, name, sets, facet }: Props) {
  const choose = (key: 'projection' | 'by') => (event: Event) => {
    const { value } = event.currentTarget as HTMLSelectElement
    // A place of one projection means nothing in another, nor a value of one facet.
    showMap({ [key]: value, only: null, ...(key === 'projection' ? { at: null } : {}) }, false)
  }
  return (
    <div class="projection-head">
      <h1>Map</h1>
      <p>{photos.toLocaleString('en')} photos; similar ones lie close together.</p>
      <div class="projection-tools">
        {names.length > 1 && (
          <label class="select">
            <span class="visually-hidden">Projection</span>
            <select value={name} onChange={choose('projection')}>
              {names.map(each => (
                <option key={each} value={each}>
                  {each}
                </option>
              ))}
            </select>
          </label>
        )}
        <label class="select">
          <span class="visually-hidden">Colour by</span>
          <select value={facet ?? ''} onChange={choose('by')}>
            {facet === null && <option value="">One colour</option>}
            {sets.map(set => (
              <option key={set} value={set}>
                {set.replaceAll('_', ' ')}
              </option>
            ))}
            {Object.entries({ ...METADATA, ...(may('ingest') ? OF_FILES : {}) }).map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </select>
        </label>
      </div>
    </div>
  )
}
