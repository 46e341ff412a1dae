export interface Row {
  /** Index of its first photo, and of the first photo of the next row. */
  start: number
  end: number
  height: number
}

export interface RowOptions {
  width: number
  /** Height that rows come close to. */
  target: number
  gap: number
  /** Whether no photo follows: then a last row that is not full is shown too. */
  isComplete: boolean
}

/** Wider and narrower photos are cut, so that one panorama makes no row of a few pixels. */
const NARROWEST = 0.5
const WIDEST = 3

/** Width by height as the grid shows it. */
export function shownRatio(width: number | null, height: number | null): number {
  const ratio = width && height ? width / height : 1.5
  return Math.min(WIDEST, Math.max(NARROWEST, ratio))
}

/**
 * Rows of photos that fill the width, in the order of the photos. A photo joins a row while that brings its height closer
 * to the target. An unfinished row waits for the next photos, so rows that are shown never change.
 * @param ratios width by height of each photo
 */
export function justifiedRows(ratios: readonly number[], { width, target, gap, isComplete }: RowOptions): Row[] {
  const rows: Row[] = []
  const heightOf = (sum: number, count: number) => (width - gap * (count - 1)) / sum
  let start = 0
  let sum = 0
  for (const [i, ratio] of ratios.entries()) {
    const count = i - start
    const before = count > 0 ? heightOf(sum, count) : Number.POSITIVE_INFINITY
    const after = heightOf(sum + ratio, count + 1)
    if (before <= target || (after < target && target - after > before - target)) {
      rows.push({ start, end: i, height: before })
      start = i
      sum = 0
    }
    sum += ratio
  }
  const count = ratios.length - start
  if (count === 0) return rows
  const last = heightOf(sum, count)
  if (last <= target || isComplete) rows.push({ start, end: ratios.length, height: Math.min(last, target) })
  return rows
}
