import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { Found } from '../../api/photos.js'
import { altText, averageColour, copyAt } from './photo-text.js'

interface Props {
  found: Found
  width: number
  height: number
  isActive: boolean
  showsScore: boolean
  /** Near duplicates that it stands for. */
  duplicates: number
  href: string
  index: number
}

/** One photo of the grid. Its place and its colour are there before the picture is. */
export function Tile({ found, width, height, isActive, showsScore, duplicates, href, index }: Props) {
  const [phase, setPhase] = useState<'loading' | 'shown' | 'missing'>('loading')
  const picture = useRef<HTMLImageElement>(null)
  // Before it leaves the document: Chromium keeps pictures whose address is taken away later for as long as the page lives.
  useLayoutEffect(() => {
    const image = picture.current
    return () => {
      if (image && !image.complete) forget(image)
    }
  }, [])
  const text = altText(found)
  const small = copyAt(found.copy, 256)
  const background = averageColour(found.photo.blur_hash)
  return (
    <a
      class={`tile is-${small === null ? 'missing' : phase}`}
      href={href}
      tabIndex={isActive ? 0 : -1}
      data-index={index}
      style={{ width: `${width}px`, height: `${height}px`, ...(background ? { backgroundColor: background } : {}) }}
      aria-label={duplicates > 0 ? `${text} (stands for ${duplicates} more)` : text}
    >
      {small !== null && phase !== 'missing' && (
        <img
          ref={picture}
          src={small}
          srcset={`${small} 1x, ${copyAt(found.copy, 384)} 2x`}
          width={Math.round(width)}
          height={Math.round(height)}
          alt=""
          decoding="async"
          onLoad={() => setPhase('shown')}
          onError={() => setPhase('missing')}
        />
      )}
      {(small === null || phase === 'missing') && <span class="tile-text">{text}</span>}
      {showsScore && found.score !== undefined && <span class="tile-score">{found.score.toFixed(3)}</span>}
    </a>
  )
}

/** Ends the request of a picture that was scrolled past: browsers go on with it, and those on the screen wait behind it. */
function forget(image: HTMLImageElement): void {
  image.removeAttribute('srcset')
  image.removeAttribute('src')
}
