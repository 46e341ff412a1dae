import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks'
import type { Found } from '../../api/photos.js'
import { restorePlace } from '../../app/navigation.js'
import type { ResultList } from '../../state/result-list.js'
import { GridRow } from './GridRow.js'
import { MOVES, moved, rowOf } from './grid-moves.js'
import { justifiedRows, shownRatio } from './justified-rows.js'
import { OPENS, STEERS, steer, takeSteered, toggleDuplicates } from './steering.js'
import { useBox } from './use-box.js'
import { useWindowRows } from './use-window-rows.js'

interface Props {
  list: ResultList
  /** Those of the list that are shown. */
  photos: readonly Found[]
  /** Whether none follows. */
  isComplete: boolean
  /** Near duplicates by the photo that stands for them, and the ids of those photos whose duplicates are shown. */
  duplicates: ReadonlyMap<string, readonly Found[]>
  opened: readonly string[]
  label: string
  showsScores: boolean
  hrefOf: (photoId: string) => string
}

/** Rows from the end of the list at which the next page is fetched. */
const AHEAD = 6
const targetHeight = (width: number) => (width < 600 ? 150 : width < 1200 ? 210 : width < 2400 ? 250 : 320)
const gapOf = (width: number) => (width < 600 ? 4 : 8)

/** All photos of a list in rows of full width. Only the rows near the window exist. */
export function Grid({ list, photos, isComplete, duplicates, opened, label, showsScores, hrefOf }: Props) {
  const element = useRef<HTMLDivElement>(null)
  const wantsFocus = useRef(false)
  const box = useBox(element)
  const width = box?.width ?? 0
  const gap = gapOf(width)
  const ratios = useMemo(
    () =>
      photos.map(({ photo }) => shownRatio(photo.photo_width as number | null, photo.photo_height as number | null)),
    [photos],
  )
  const rows = useMemo(
    () => (width === 0 ? [] : justifiedRows(ratios, { width, target: targetHeight(width), gap, isComplete })),
    [ratios, width, gap, isComplete],
  )
  const heights = useMemo(() => rows.map(row => row.height), [rows])
  const { items, height, scrollTo, isInWindow } = useWindowRows(heights, gap, box?.top ?? 0)
  const last = items.at(-1)?.index ?? 0

  useLayoutEffect(() => {
    if (rows.length === 0) return
    const isSteered = takeSteered()
    if (!restorePlace() && !isSteered) return
    wantsFocus.current = true
    // Another photo may have been looked at last.
    const row = rowOf(list.active.value, rows)
    if (!isInWindow(row)) scrollTo(row)
  }, [rows.length > 0])
  useEffect(() => {
    if (width > 0 && !isComplete && last >= rows.length - AHEAD) void list.loadMore()
    // A page may bring nothing but what is hidden.
  }, [list, last, rows.length, width, list.photos.value.length, isComplete])
  const focusActive = () => {
    if (!wantsFocus.current) return
    const tile = element.current?.querySelector<HTMLElement>(`[data-index="${list.active.value}"]`)
    if (!tile) return
    wantsFocus.current = false
    tile.focus({ preventScroll: true })
  }
  useEffect(focusActive)

  const onKey = (event: KeyboardEvent) => {
    if (event.metaKey || event.ctrlKey || event.altKey) return
    const direction = STEERS[event.key]
    const active = photos[list.active.value]
    if (direction && active) return steer(direction, active.photo_id)
    if (event.key === OPENS && active && duplicates.has(active.photo_id)) return toggleDuplicates(active.photo_id)
    const move = MOVES[event.key]
    if (!move) return
    event.preventDefault()
    const next = moved(move, list.active.value, rows, ratios)
    wantsFocus.current = true
    list.active.value = next
    scrollTo(rowOf(next, rows))
    // At once where its tile is there: Enter may follow before the page is drawn.
    focusActive()
  }
  const onFocus = (event: FocusEvent) => {
    const index = (event.target as HTMLElement).dataset.index
    if (index !== undefined) list.active.value = Number(index)
  }
  // The focus enters at a photo that exists.
  const shown = items.map(item => rows[item.index]!).filter(Boolean)
  const isShown = shown.some(({ start, end }) => list.active.value >= start && list.active.value < end)
  const entry = isShown ? list.active.value : shown[0]?.start

  return (
    <div ref={element} class="grid-place" style={{ height: `${height}px` }}>
      {rows.length > 0 && (
        // biome-ignore lint/a11y/useSemanticElements: rows of absolute position are no table.
        <div
          role="grid"
          tabIndex={-1}
          aria-label={label}
          aria-rowcount={isComplete ? rows.length : -1}
          onKeyDown={onKey}
          onFocusCapture={onFocus}
        >
          {items.map(({ index, start }) => {
            const row = rows[index]
            if (!row) return null
            return (
              <GridRow
                key={row.start}
                row={row}
                index={index}
                top={start - (box?.top ?? 0)}
                gap={gap}
                photos={photos}
                ratios={ratios}
                duplicates={duplicates}
                opened={opened}
                entry={entry}
                showsScores={showsScores}
                hrefOf={hrefOf}
              />
            )
          })}
        </div>
      )}
    </div>
  )
}
