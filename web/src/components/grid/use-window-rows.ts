import {
  observeWindowOffset,
  observeWindowRect,
  type VirtualItem,
  Virtualizer,
  type VirtualizerOptions,
  windowScroll,
} from '@tanstack/virtual-core'
import { useLayoutEffect, useMemo, useReducer } from 'preact/hooks'

/** Rows above and below the window. */
const OVERSCAN = 3
/** The header stays above the photos. */
const COVERED_TOP = 140
const COVERED_BOTTOM = 80

export interface WindowRows {
  items: VirtualItem[]
  /** Height of all rows. */
  height: number
  scrollTo(row: number): void
  /** Whether a row, or a part of it, lies in the window. */
  isInWindow(row: number): boolean
}

/** Which rows to show while the window scrolls. @param offset of the first row from the top of the document */
export function useWindowRows(heights: readonly number[], gap: number, offset: number): WindowRows {
  const [, redraw] = useReducer((count: number, _: undefined) => count + 1, 0)
  const options: VirtualizerOptions<Window, Element> = {
    count: heights.length,
    getScrollElement: () => window,
    estimateSize: row => heights[row]!,
    observeElementRect: observeWindowRect,
    observeElementOffset: observeWindowOffset,
    scrollToFn: windowScroll,
    initialOffset: () => scrollY,
    initialRect: { width: innerWidth, height: innerHeight },
    overscan: OVERSCAN,
    gap,
    scrollMargin: offset,
    scrollPaddingStart: COVERED_TOP,
    scrollPaddingEnd: COVERED_BOTTOM,
    onChange: () => redraw(undefined),
  }
  const rows = useMemo(() => new Virtualizer<Window, Element>(options), [])
  rows.setOptions(options)
  // Known heights are no measurements, so the former ones have to be forgotten.
  useMemo(() => rows.measure(), [heights, offset])
  useLayoutEffect(() => rows._didMount(), [rows])
  useLayoutEffect(() => rows._willUpdate())
  return {
    items: rows.getVirtualItems(),
    height: rows.getTotalSize(),
    isInWindow(row) {
      const { start, end } = rows.measurementsCache[row] ?? { start: 0, end: 0 }
      return end > scrollY + COVERED_BOTTOM && start < scrollY + innerHeight - COVERED_BOTTOM
    },
    scrollTo: row => rows.scrollToIndex(row, { align: 'auto' }),
  }
}
