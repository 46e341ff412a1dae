import type { Matrix } from '../matrix/matrix.js'

/** A byte holds the bin. */
const MOST_BINS = 256

/**
 * The columns of a matrix, each cut into bins of about as many values, up to 256. Splits between bins are the only ones
 * that a tree considers; of up to 256 different values these are all.
 */
export interface BinnedColumns {
  rows: number
  columns: number
  /** Bin of each value, column by column. [columns, rows] */
  bins: Uint8Array
  /** Upper bounds of the bins of each column, halfway between neighbouring values; the last bin has none. */
  bounds: Float32Array[]
}

export function binColumns({ rows, columns, values }: Matrix): BinnedColumns {
  const bins = new Uint8Array(rows * columns)
  const bounds: Float32Array[] = []
  const column = new Float32Array(rows)
  for (let j = 0; j < columns; j++) {
    for (let i = 0; i < rows; i++) column[i] = values[i * columns + j]!
    const ofColumn = boundsOf(column.slice().sort())
    bounds.push(ofColumn)
    for (let i = 0; i < rows; i++) bins[j * rows + i] = binOf(column[i]!, ofColumn)
  }
  return { rows, columns, bins, bounds }
}

/** The bin of a value: the number of bounds below it. */
export function binOf(value: number, bounds: Float32Array): number {
  let low = 0
  let high = bounds.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (value > bounds[middle]!) low = middle + 1
    else high = middle
  }
  return low
}

function boundsOf(sorted: Float32Array): Float32Array {
  const changes: number[] = []
  for (let i = 1; i < sorted.length; i++) if (sorted[i] !== sorted[i - 1]) changes.push(i)
  const chosen = changes.length < MOST_BINS ? changes : evenlySpaced(changes, sorted.length)
  return Float32Array.from(chosen, i => (sorted[i - 1]! + sorted[i]!) / 2)
}

/** Of the places where the value changes, the first after each of 255 equal shares of the values. */
function evenlySpaced(changes: readonly number[], count: number): number[] {
  const chosen: number[] = []
  let at = 0
  for (let bin = 1; bin < MOST_BINS; bin++) {
    const wanted = (bin * count) / MOST_BINS
    while (at < changes.length && changes[at]! < wanted) at++
    if (at < changes.length && changes[at] !== chosen.at(-1)) chosen.push(changes[at]!)
  }
  return chosen
}
