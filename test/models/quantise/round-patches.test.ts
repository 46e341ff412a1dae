import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { mapModel } from '../../../src/models/graph/model-file.js'
import { roundPatches } from '../../../src/models/quantise/recipe/round-patches.js'
import { FLOAT, type Graph, onnxModel } from '../../support/models/tiny-onnx.js'
import { randomNumbers } from '../noise.js'

const [FILTERS, SIDE] = [3, 8]
const PLACES = SIDE * SIDE
const PIXELS = { size: 2 * SIDE, mean: [0.48, 0.46, 0.41], std: [0.27, 0.26, 0.28] }
const next = randomNumbers(1)
const KERNEL = Array.from({ length: FILTERS * 3 * PLACES }, () => next())

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'round-patches-'))
})
afterEach(() => rm(folder, { recursive: true }))

test('filters become multiples of a step in 8 bits, and their errors add up to nothing over neighbours', async () => {
  const shape = ['batch', FILTERS, 2, 2]
  const graph: Graph = {
    inputs: [{ name: 'pixels', type: FLOAT, shape: ['batch', 3, PIXELS.size, PIXELS.size] }],
    outputs: [{ name: 'places', type: FLOAT, shape }],
    nodes: [{ op: 'Conv', inputs: ['pixels', 'kernel'], outputs: ['places'], attributes: { strides: [SIDE, SIDE] } }],
    constants: [{ name: 'kernel', type: FLOAT, shape: [FILTERS, 3, SIDE, SIDE], values: KERNEL }],
  }
  const path = join(folder, 'model.onnx')
  await writeFile(path, onnxModel(graph))
  let rounded: Float32Array | undefined
  mapModel(path, each => {
    roundPatches(each, PIXELS.size, PIXELS)
    const { replaced } = each.weights.get(each.nodes[0]!.inputs[1]!)!
    rounded = new Float32Array(Uint8Array.from(replaced!).buffer)
  })
  for (let filter = 0; filter < FILTERS; filter++) {
    const inBytes = (values: ArrayLike<number>) =>
      Array.from({ length: 3 * PLACES }, (_, at) => {
        const value = values[filter * 3 * PLACES + at]!
        return value / PIXELS.std[Math.floor(at / PLACES)]!
      })
    const [found, wanted] = [inBytes(rounded!), inBytes(KERNEL)]
    const step = Math.max(...wanted.map(Math.abs)) / 127
    for (const value of found) {
      expect(value / step).toBeCloseTo(Math.round(value / step), 3)
      expect(Math.abs(value / step)).toBeLessThanOrEqual(127.001)
    }
    const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
    // Rounding alone would leave about half a step times the root of 192 weights / 3.
    expect(Math.abs(sum(found) - sum(wanted)) / step).toBeLessThan(2)
  }
})
