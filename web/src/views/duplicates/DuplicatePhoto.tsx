import type { Found } from '../../api/photos.js'
import { altText, averageColour, copyAt } from '../../components/grid/photo-text.js'
import { fileText, placeText, sizeText } from './duplicate-texts.js'

interface Props {
  found: Found
  /** Similarity to the first photo of the group; null: it is that one. */
  score: number | null
  /** Null: not permitted. */
  keep: (() => void) | null
  remove: (() => void) | null
}

/** One photo of a group with what tells it from the others. */
export function DuplicatePhoto({ found, score, keep, remove }: Props) {
  const { photo, copy, photo_id: id } = found
  const text = altText(found)
  const facts = [
    ['Similarity', score === null ? null : score.toFixed(3)],
    ['Size', sizeText(photo)],
    ['Date', (photo.photo_submitted_at as string | null)?.slice(0, 16) ?? null],
    ['Place', placeText(photo)],
    ['File', fileText(photo)],
    ['Id', id],
  ].filter((fact): fact is [string, string] => fact[1] !== null)
  return (
    <li class="duplicate-photo">
      <a
        class="duplicate-picture"
        href={`/photos/${encodeURIComponent(id)}`}
        style={{ backgroundColor: averageColour(photo.blur_hash) ?? '' }}
        aria-label={text}
      >
        {copy ? <img src={copyAt(copy, 384)!} alt="" decoding="async" /> : <span class="tile-text">{text}</span>}
      </a>
      <dl class="duplicate-facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <div class="duplicate-actions">
        {keep && (
          <button type="button" class="button" aria-label={`Keep this one: ${id}`} onClick={keep}>
            Keep this one
          </button>
        )}
        {remove && (
          <button type="button" class="button" aria-label={`Remove: ${id}`} onClick={remove}>
            Remove
          </button>
        )}
      </div>
    </li>
  )
}
