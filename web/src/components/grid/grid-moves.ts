import type { Row } from './justified-rows.js'

export type Move = 'left' | 'right' | 'up' | 'down' | 'first' | 'last'

export const MOVES: Readonly<Record<string, Move>> = {
  ArrowLeft: 'left',
  ArrowRight: 'right',
  ArrowUp: 'up',
  ArrowDown: 'down',
  Home: 'first',
  End: 'last',
}

/** The photo to go to. Up and down lead to the photo whose middle is nearest. */
export function moved(move: Move, from: number, rows: readonly Row[], ratios: readonly number[]): number {
  const count = rows.at(-1)?.end ?? 0
  if (move === 'first') return 0
  if (move === 'last') return count - 1
  if (move === 'left') return Math.max(0, from - 1)
  if (move === 'right') return Math.min(count - 1, from + 1)
  const row = rowOf(from, rows)
  const target = rows[row + (move === 'up' ? -1 : 1)]
  return target === undefined ? from : nearest(middleOf(from, rows[row]!, ratios), target, ratios)
}

export function rowOf(photo: number, rows: readonly Row[]): number {
  return Math.max(
    0,
    rows.findIndex(({ end }) => photo < end),
  )
}

function nearest(middle: number, row: Row, ratios: readonly number[]): number {
  let best = row.start
  for (let i = row.start; i < row.end; i++)
    if (Math.abs(middleOf(i, row, ratios) - middle) < Math.abs(middleOf(best, row, ratios) - middle)) best = i
  return best
}

/** From 0, the left edge, to 1. */
function middleOf(photo: number, { start, end }: Row, ratios: readonly number[]): number {
  const widths = ratios.slice(start, end)
  const before = widths.slice(0, photo - start).reduce((sum, ratio) => sum + ratio, 0)
  const all = widths.reduce((sum, ratio) => sum + ratio, 0)
  return (before + widths[photo - start]! / 2) / all
}
