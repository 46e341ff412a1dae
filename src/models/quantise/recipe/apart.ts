import type { Neurons } from './activation.js'

/** Neurons of a block that stay in floating point. */
const NEURONS = 32
/** In a small block, at most this share. */
const MOST = 1 / 8

/** Neurons whose activations get the highest, and all others, in their order. */
export interface Split {
  readonly neurons: Neurons
  readonly apart: readonly number[]
  readonly rest: readonly number[]
}

/**
 * Chooses the neurons that stay in floating point: few ones with activations far above the others would decide the
 * range of all. Exact, because neurons have no order.
 * @param heights highest absolute activation of each
 */
export function splitNeurons(neurons: Neurons, heights: Float32Array): Split {
  const count = Math.min(NEURONS, Math.floor(heights.length * MOST))
  const all = [...heights.keys()]
  const highest = new Set(all.toSorted((a, b) => heights[b]! - heights[a]! || a - b).slice(0, count))
  return { neurons, apart: all.filter(at => highest.has(at)), rest: all.filter(at => !highest.has(at)) }
}
