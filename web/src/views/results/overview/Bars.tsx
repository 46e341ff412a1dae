import { useRef, useState } from 'preact/hooks'
import { type Bar, isWithin, longName, periodBetween, shortName } from './periods.js'

interface Props {
  label: string
  bars: readonly Bar[]
  /** The chosen period; undefined: none. */
  chosen: string | undefined
  hrefOf: (period: string) => string
  choose: (period: string) => void
}

/** Names that fit below the bars, whatever the width. */
const MOST_NAMES = 12

/** Years or months as bars. A bar restricts the results to it; a drag from bar to bar, to all of them. */
export function Bars({ label, bars, chosen, hrefOf, choose }: Props) {
  const start = useRef<string | null>(null)
  const [drawn, setDrawn] = useState<string | null>(null)
  const most = Math.max(1, ...bars.map(({ photos }) => photos))
  const step = Math.ceil(bars.length / MOST_NAMES)
  const barAt = (event: PointerEvent) => {
    const element = document.elementFromPoint(event.clientX, event.clientY)
    return element?.closest<HTMLElement>('[data-period]')?.dataset.period ?? null
  }
  const period = drawn ?? chosen
  return (
    <ol
      class="bars"
      aria-label={label}
      onPointerDown={event => {
        if (event.button === 0 && event.pointerType !== 'touch') start.current = barAt(event)
      }}
      onPointerMove={event => {
        const bar = start.current === null ? null : barAt(event)
        if (bar !== null && (drawn !== null || bar !== start.current)) setDrawn(periodBetween(start.current!, bar))
      }}
      onPointerUp={() => {
        start.current = null
        setDrawn(null)
        if (drawn !== null) choose(drawn)
      }}
      onPointerLeave={() => {
        start.current = null
        setDrawn(null)
      }}
    >
      {bars.map(({ value, photos }, i) => (
        <li key={value} data-period={value} class={isWithin(value, period) ? 'is-chosen' : ''}>
          <BarLink
            value={value}
            photos={photos}
            share={photos / most}
            href={hrefOf(value)}
            isChosen={value === chosen}
          />
          <span class={`bars-name ${i % step === 0 ? '' : 'is-hidden'}`} aria-hidden="true">
            {shortName(value)}
          </span>
        </li>
      ))}
    </ol>
  )
}

interface BarProps extends Bar {
  /** Its height, from 0 to 1. */
  share: number
  href: string
  isChosen: boolean
}

function BarLink({ value, photos, share, href, isChosen }: BarProps) {
  const fill = <span class="bars-fill" style={{ height: photos > 0 ? `max(3px, ${100 * share}%)` : '0' }} />
  if (photos === 0) return <span class="bars-bar">{fill}</span>
  const name = `${longName(value)}: ${photos.toLocaleString('en')} ${photos === 1 ? 'photo' : 'photos'}`
  return (
    <a
      class="bars-bar"
      href={href}
      aria-label={name}
      title={name}
      aria-current={isChosen ? 'true' : undefined}
      draggable={false}
    >
      {fill}
    </a>
  )
}
