import type { PixelScale } from '../../graph/byte-pixels.js'
import type { ModelGraph } from '../../graph/model-file.js'
import { CHANNELS, findPatches } from '../../graph/patches.js'
import { addFloats } from './nodes.js'

const MOST = 127

/**
 * Rounds the filters of a convolution over patches to multiples of a step per filter, in 8 bits, as they multiply the
 * bytes of a picture. The file keeps them in floating point; a tower that takes bytes multiplies them in one integer
 * product (`useBytePixels`).
 *
 * The rounding error of a weight goes on to the next channel of the pixel, and from the last one to the pixels beside
 * and below (Floyd and Steinberg 1976). So errors add up to nothing over channels and neighbours, which are alike in
 * photos.
 */
export function roundPatches(graph: ModelGraph, size: number, { std }: PixelScale): void {
  const patches = findPatches(graph, size)
  if (typeof patches === 'string' || !('weights' in patches.kernel)) return
  const { nodes, filters, side, kernel } = patches
  const perFilter = CHANNELS * side * side
  const rounded = Float32Array.from(kernel.weights)
  for (let filter = 0; filter < filters; filter++)
    roundFilter(rounded.subarray(filter * perFilter, (filter + 1) * perFilter), side, std)
  const convolution = nodes.find(({ op }) => op === 'Conv')!
  const name = addFloats(graph, `${convolution.outputs[0]}:rounded`, rounded, [filters, CHANNELS, side, side])
  convolution.inputs = convolution.inputs.map((input, index) => (index === 1 ? name : input))
}

/** Rounds a filter in place. @param filter [3, side, side] */
function roundFilter(filter: Float32Array, side: number, std: readonly number[]): void {
  const area = side * side
  // As weights of bytes, but for 255.
  const wanted = Float64Array.from(filter, (value, at) => value / std[Math.floor(at / area)]!)
  const step = wanted.reduce((highest, value) => Math.max(highest, Math.abs(value)), 0) / MOST
  if (step === 0) return
  for (let y = 0, place = 0; y < side; y++)
    for (let x = 0; x < side; x++, place++) {
      let error = 0
      for (let channel = 0; channel < CHANNELS; channel++) {
        const at = channel * area + place
        const value = wanted[at]! + error
        const level = Math.max(-MOST, Math.min(MOST, Math.round(value / step)))
        filter[at] = level * step * std[channel]!
        error = value - level * step
      }
      const pass = (to: number, share: number) => {
        wanted[to]! += error * share
      }
      if (x + 1 < side) pass(place + 1, 7 / 16)
      if (y + 1 === side) continue
      if (x > 0) pass(place + side - 1, 3 / 16)
      pass(place + side, 5 / 16)
      if (x + 1 < side) pass(place + side + 1, 1 / 16)
    }
}
