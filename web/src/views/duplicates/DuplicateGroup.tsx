import type { Found } from '../../api/photos.js'
import type { DuplicateGroup as Group } from '../../api/schema.js'
import { DuplicatePhoto } from './DuplicatePhoto.js'
import { countOf, mayDiffer } from './duplicate-texts.js'
import type { Removal } from './RemovalDialog.js'

interface Props {
  /** The id of the photo that stands for the group. */
  name: string
  members: Group['members']
  /** Undefined: not loaded yet. */
  photos: ReadonlyMap<string, Found> | undefined
  /** The similarity from which two photos are duplicates. */
  least: number
  ask: ((removal: Removal) => void) | null
}

/** The photos of a group side by side, the one with the most pixels first. */
export function DuplicateGroup({ name, members, photos, least, ask }: Props) {
  const heading = `group-${name}`
  const found = members.flatMap(({ photo_id }) => photos?.get(photo_id) ?? [])
  const keep = (id: string) => {
    const photos = found.filter(({ photo_id }) => photo_id !== id)
    ask?.({ kept: id, photos, mayDiffer: mayDiffer({ members }, id, least), heading })
  }
  const remove = (photo: Found) => ask?.({ kept: null, photos: [photo], mayDiffer: false, heading })
  return (
    <section class="duplicate-group">
      <h2 id={heading} tabIndex={-1} data-focus>
        {countOf(members.length, 'photo')}
      </h2>
      <ul class="duplicate-photos">
        {members.map(({ photo_id: id, score }) => {
          const photo = photos?.get(id)
          if (!photo)
            return (
              <li key={id} class="duplicate-photo">
                <span class={`duplicate-picture ${photos ? '' : 'is-pending'}`} />
              </li>
            )
          return (
            <DuplicatePhoto
              key={id}
              found={photo}
              score={id === name ? null : score}
              keep={ask && (() => keep(id))}
              // Of two, keeping one is removing the other.
              remove={ask && members.length > 2 ? () => remove(photo) : null}
            />
          )
        })}
      </ul>
    </section>
  )
}
