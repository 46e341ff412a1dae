import type { SamplePhoto } from '../../api/labels.js'
import { copyAt } from '../../components/grid/photo-text.js'
import { Icon, type IconName } from '../../components/parts/Icon.js'
import { percent } from './label-texts.js'
import type { Review } from './review.js'

interface Props {
  photo: SamplePhoto
  review: Review
  mayMark: boolean
}

const CHOICES: readonly { correct: boolean; name: string; key: string; icon: IconName }[] = [
  { correct: true, name: 'Right', key: 'r', icon: 'check' },
  { correct: false, name: 'Wrong', key: 'w', icon: 'close' },
]

/** A photo of a label, with its score and what was said about the label. Another click takes that back. */
export function ReviewPhoto({ photo, review, mayMark }: Props) {
  const mark = review.markOf(photo)
  const text = photo.description ?? `Photo ${photo.photo_id}`
  const toggle = (correct: boolean) => void review.mark([photo], mark === correct ? null : correct)
  const onKey = (event: KeyboardEvent) => {
    const choice = CHOICES.find(({ key }) => key === event.key)
    if (!choice || !mayMark || event.metaKey || event.ctrlKey || event.altKey) return
    event.preventDefault()
    toggle(choice.correct)
    // On to the photo after it.
    const next = (event.currentTarget as HTMLElement).nextElementSibling
    next?.querySelector<HTMLElement>('a')?.focus()
  }
  return (
    <li class={`review-photo ${mark === null ? '' : mark ? 'is-right' : 'is-wrong'}`} onKeyDown={onKey}>
      <a class="review-picture" href={`/photos/${encodeURIComponent(photo.photo_id)}`} aria-label={text}>
        {photo.copy ? (
          <img src={copyAt(photo.copy, 256)!} alt="" width={256} height={256} decoding="async" />
        ) : (
          <span class="tile-text">{text}</span>
        )}
      </a>
      <span class="review-score">{percent(photo.score)}</span>
      {mayMark &&
        CHOICES.map(({ correct, name, key, icon }) => (
          <button
            key={name}
            type="button"
            class="review-mark"
            aria-label={`${name}: ${text}`}
            title={`${name} (${key})`}
            aria-pressed={mark === correct}
            onClick={() => toggle(correct)}
          >
            <Icon name={icon} />
          </button>
        ))}
    </li>
  )
}
