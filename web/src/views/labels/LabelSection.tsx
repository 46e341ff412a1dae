import { percent, photosPath, precisionText } from './label-texts.js'
import { ReviewPhoto } from './ReviewPhoto.js'
import type { Review } from './review.js'

interface Props {
  set: string
  review: Review
  label: Review['labels']['value'][number]
  mayMark: boolean
}

/** One label: its share, how right it is, and photos that have it. */
export function LabelSection({ set, review, label: { label, photos, precision, sample }, mayMark }: Props) {
  const all = review.samples.histogram.reduce((sum, it) => sum + it.photos, 0)
  const rest = sample.filter(photo => review.markOf(photo) === null)
  return (
    <section class="label-section" aria-label={label}>
      <div class="label-head">
        <h2>
          <a href={photosPath(set, label)}>{label}</a>
        </h2>
        <span class="bar-count">
          {photos.toLocaleString('en')} · {percent(all === 0 ? 0 : photos / all)}
        </span>
        <meter class="bar-meter" min={0} max={all || 1} value={photos} aria-hidden="true" />
        <p class="label-precision">{precisionText(precision)}</p>
        {mayMark && sample.length > 0 && (
          <button
            type="button"
            class="button"
            aria-label={`The rest is right: ${label}`}
            disabled={rest.length === 0}
            onClick={() => review.mark(rest, true)}
          >
            The rest is right
          </button>
        )}
      </div>
      {sample.length === 0 && <p class="hint">No photos to look at.</p>}
      <ul class="review-photos">
        {sample.map(photo => (
          <ReviewPhoto key={photo.photo_id} photo={photo} review={review} mayMark={mayMark} />
        ))}
      </ul>
    </section>
  )
}
