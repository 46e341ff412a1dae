import type { BinnedColumns } from './binned-columns.js'

export interface TreeSamples {
  columns: BinnedColumns
  classes: Int32Array
  classCount: number
}

/** Samples with bins up to `bin` in `column` go to the left. */
export interface Split {
  column: number
  bin: number
}

/** From this number of samples on, counting by bin is faster than sorting. */
const COUNTED = 64
const BINS = 256

/** What the nodes of one tree share: columns to draw from, and memory. */
export class SplitSearch {
  /** Shuffled from its front on at each node. */
  readonly order: Int32Array
  /** Samples by bin and class. [bins, classes] */
  readonly counts: Float64Array
  readonly left: Float64Array
  readonly keys = new Int32Array(COUNTED)

  constructor(
    readonly samples: TreeSamples,
    readonly columnsPerNode: number,
    readonly random: () => number,
  ) {
    this.order = Int32Array.from({ length: samples.columns.columns }, (_, column) => column)
    this.counts = new Float64Array(BINS * samples.classCount)
    this.left = new Float64Array(samples.classCount)
  }
}

/**
 * The split with the least Gini impurity among columns drawn at random, without repetition. Columns in which all
 * samples are equal do not count, as in scikit-learn. Null: there is none.
 * @param places of the samples of the node @param counts their number by class
 */
export function findSplit(search: SplitSearch, places: Int32Array, counts: Float32Array): Split | null {
  const { order, columnsPerNode, random } = search
  let best: Split | null = null
  let highest = Number.NEGATIVE_INFINITY
  let tried = 0
  for (let i = 0; i < order.length && tried < columnsPerNode; i++) {
    const other = i + Math.floor(random() * (order.length - i))
    const column = order[other]!
    order[other] = order[i]!
    order[i] = column
    const found =
      places.length < COUNTED
        ? splitSorted(search, column, places, counts)
        : splitCounted(search, column, places, counts)
    if (found === null) continue
    tried++
    if (found.purity <= highest) continue
    highest = found.purity
    best = { column, bin: found.bin }
  }
  return best
}

interface Found {
  bin: number
  /** Sum over both sides of (sum of squared class counts) / samples: the higher, the less impure. */
  purity: number
}

/** By counting: a pass over the samples, and one over the bins. */
function splitCounted(
  { samples: { columns, classes, classCount }, counts: byBin, left }: SplitSearch,
  column: number,
  places: Int32Array,
  counts: Float32Array,
): Found | null {
  const { bins, rows, bounds } = columns
  const binCount = bounds[column]!.length + 1
  byBin.fill(0, 0, binCount * classCount)
  for (const place of places) byBin[bins[column * rows + place]! * classCount + classes[place]!]!++
  left.fill(0)
  let leftCount = 0
  let best: Found | null = null
  for (let bin = 0; bin < binCount - 1; bin++) {
    let added = 0
    for (let k = 0; k < classCount; k++) {
      const count = byBin[bin * classCount + k]!
      left[k]! += count
      added += count
    }
    leftCount += added
    if (added === 0 || leftCount === places.length) continue
    const purity = purityOf(left, leftCount, counts, places.length)
    if (best === null || purity > best.purity) best = { bin, purity }
  }
  return best
}

/** By sorting the samples, which are few. */
function splitSorted(
  { samples: { columns, classes, classCount }, keys, left }: SplitSearch,
  column: number,
  places: Int32Array,
  counts: Float32Array,
): Found | null {
  const { bins, rows } = columns
  const count = places.length
  for (let i = 0; i < count; i++) {
    const place = places[i]!
    const key = bins[column * rows + place]! * classCount + classes[place]!
    let at = i
    for (; at > 0 && keys[at - 1]! > key; at--) keys[at] = keys[at - 1]!
    keys[at] = key
  }
  left.fill(0)
  let best: Found | null = null
  for (let i = 0; i < count - 1; i++) {
    const bin = Math.floor(keys[i]! / classCount)
    left[keys[i]! - bin * classCount]!++
    if (Math.floor(keys[i + 1]! / classCount) === bin) continue
    const purity = purityOf(left, i + 1, counts, count)
    if (best === null || purity > best.purity) best = { bin, purity }
  }
  return best
}

function purityOf(left: Float64Array, leftCount: number, counts: Float32Array, count: number): number {
  let ofLeft = 0
  let ofRight = 0
  for (let k = 0; k < left.length; k++) {
    const right = counts[k]! - left[k]!
    ofLeft += left[k]! * left[k]!
    ofRight += right * right
  }
  return ofLeft / leftCount + ofRight / (count - leftCount)
}
