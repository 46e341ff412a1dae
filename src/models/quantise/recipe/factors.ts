import { columnHeights, type Matrix } from './matrices.js'
import type { Range } from './watch.js'

/** Share of the outliers that moves into the weights: the paper's alpha. */
const ALPHA = 0.5
/** Least height and least weight, relative to the highest: channels that nothing uses stay as they are. */
const FLOOR = 1e-4
/**
 * Factors are powers of the fourth root of two, and shifts multiples of a 32nd of about half a range, so that other
 * rounding on another CPU rarely changes one.
 */
const STEPS_PER_OCTAVE = 4
const STEPS_PER_HALF = 32

/** How the channels of an input change: (input - shift) / factor. */
export interface Smoothing {
  readonly shifts: Float64Array
  readonly factors: Float64Array
}

/**
 * Outlier Suppression+ (arXiv:2304.09145): shifts the channels of an input to the middle of their ranges, because the
 * range of all must hold every one, and smooths what is left.
 */
export function smoothing({ highest, lowest }: Range, matrices: readonly Matrix[]): Smoothing {
  const halves = highest.map((high, at) => (high - lowest[at]!) / 2)
  const shifts = Float64Array.from(halves, (half, at) => {
    const step = half > 0 ? 2 ** Math.floor(Math.log2(half)) / STEPS_PER_HALF : 0
    return step > 0 ? Math.round((highest[at]! + lowest[at]!) / 2 / step) * step : (highest[at]! + lowest[at]!) / 2
  })
  return { shifts, factors: smoothingFactors(halves, matrices) }
}

/**
 * SmoothQuant (arXiv:2211.10438): the numbers by which to divide the channels of an input, and to multiply the rows of
 * the matrices that read it, so that neither spans a much wider range than the other.
 *
 * With a scale per column, a weight counts by its share of the highest one of its column, on average over columns and
 * matrices. (The paper takes the highest weight of a row; that would not smooth a neuron that writes massive
 * activations.)
 * @param heights highest absolute number of each channel
 */
export function smoothingFactors(heights: Float32Array, matrices: readonly Matrix[]): Float64Array {
  const shares = new Float64Array(heights.length)
  for (const { values, columns } of matrices) {
    const highest = columnHeights({ values, columns })
    for (let row = 0, at = 0; row < heights.length; row++)
      for (let column = 0; column < columns; column++, at++)
        shares[row]! += Math.abs(values[at]!) / highest[column]! / columns / matrices.length
  }
  const [mostHeight, mostShare] = [highestOf(heights), highestOf(shares)]
  if (mostHeight === 0 || mostShare === 0) return new Float64Array(heights.length).fill(1)
  const logs = Float64Array.from(
    heights,
    (height, row) =>
      ALPHA * Math.log2(Math.max(height, FLOOR * mostHeight)) -
      (1 - ALPHA) * Math.log2(Math.max(shares[row]!, FLOOR * mostShare)),
  )
  const mean = logs.reduce((sum, log) => sum + log, 0) / logs.length
  return logs.map(log => 2 ** (Math.round((log - mean) * STEPS_PER_OCTAVE) / STEPS_PER_OCTAVE))
}

function highestOf(values: ArrayLike<number>): number {
  let highest = 0
  for (let at = 0; at < values.length; at++) highest = Math.max(highest, values[at]!)
  return highest
}
