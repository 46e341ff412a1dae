import { integerProduct } from './integer-products.js'
import { FLOAT, INT8, type ModelGraph, type Node, numbers, scalarInput, type Tensor, UINT8 } from './model-file.js'
import { CHANNELS, type FloatKernel, findPatches, type Patches, type QuantisedKernel } from './patches.js'
import { applied, leftOut, notNeeded, type Rewrite } from './rewrite.js'

/** The input in training: `(byte / 255 − mean) / std`, channel by channel. */
export interface PixelScale {
  readonly mean: readonly number[]
  readonly std: readonly number[]
}

/**
 * Input of a graph after {@link useBytePixels}: RGB bytes, [batch, size, size, 3]. If the graph also has the inputs
 * {@link LEVEL_SCALE} and {@link LEVEL_ZERO}: normalised pixels in 8 bits in the same order, (level − zero) × scale,
 * with the range of the call.
 */
export const BYTE_PIXELS = 'unsplash-clip:rgb-bytes'
/** float32, a scalar. */
export const LEVEL_SCALE = `${BYTE_PIXELS}:level-scale`
/** uint8, a scalar. */
export const LEVEL_ZERO = `${BYTE_PIXELS}:level-zero`

const NAME = 'byte-pixels'
const LEVEL = 255
/** Signed bytes without -128. */
const MOST_LEVEL = 127
/** Most that a weight may differ from its level. Rounding to 32 bits moves it by less than 1/100,000. */
const LEVEL_TOLERANCE = 1e-3
/** A weight is HIGH × 128 + LOW, each with 7 bits and a sign, so byte products overflow on no CPU. */
const LOW_STEPS = 128
const MOST_LOW = 63
const MOST = MOST_LOW * LOW_STEPS + MOST_LOW

/**
 * Feeds the bytes of a picture directly to an image tower that computes in integers. Replaces its first step, a
 * convolution over non-overlapping patches, by a product with a matrix, for which the runtime has fast kernels.
 *
 * - A convolution in floating point takes RGB bytes; its weights include scale and mean of the pixels. If they are
 *   multiples of a step, as `int8-smooth` has them, one product in 8 bits is exact.
 * - A quantised one takes the levels to which the graph would round the pixels of a call, computed beside the graph
 *   from a table of 256 values per channel. The sums are the same, to the last bit.
 * @param size side of the picture, in pixels
 * @param product `integer`: integer products, faster on CPUs with VNNI. Of a convolution in floating point two, with
 *   weights of 15 bits. Rounding of a weight: 1/16,000 of the largest of its filter. `float`: one product in floating
 *   point, faster on others
 */
export function useBytePixels(
  graph: ModelGraph,
  size: number,
  scale: PixelScale,
  product: 'integer' | 'float' = 'integer',
): Rewrite {
  if (!graph.nodes.some(({ op }) => integerProduct(op))) return notNeeded(NAME, 'the graph computes in floating point')
  const patches = findPatches(graph, size)
  if (typeof patches === 'string') return leftOut(NAME, patches)

  const { nodes, input, counts, output, filters, side } = patches
  const grid = size / side
  const made: Tensor[] = [
    numbers(name('split'), [-1, grid, side, grid, side * CHANNELS]),
    numbers(name('rows'), [-1, rowsOf(patches)]),
    numbers(name('grid'), [-1, grid, grid, filters]),
  ]
  const steps = stepsOf(patches, scale, product)
  for (const tensor of [...made, ...steps.weights]) graph.weights.set(tensor.name, tensor)

  const others = graph.nodes.filter(node => !nodes.includes(node))
  graph.nodes = [
    step('Reshape', [BYTE_PIXELS, name('split')], name('lines')),
    step('Transpose', [name('lines')], name('squares'), permutation([0, 1, 3, 2, 4])),
    step('Reshape', [name('squares'), name('rows')], name('patches')),
    ...steps.nodes,
    step('Reshape', [name('filtered'), name('grid')], name('places')),
    step('Transpose', [name('places')], output, permutation([0, 3, 1, 2])),
    ...others,
  ]
  const used = new Set(graph.nodes.flatMap(({ inputs }) => inputs))
  for (const name of nodes.flatMap(({ inputs }) => inputs)) if (!used.has(name)) graph.weights.delete(name)
  for (const node of counts) node.inputs = [BYTE_PIXELS]
  Object.assign(input, { name: BYTE_PIXELS, replaced: { type: UINT8, sizes: [size, size, CHANNELS] } })
  const isRounded = 'levels' in patches.kernel
  if (isRounded) graph.inputs.push(scalarInput(LEVEL_SCALE, FLOAT), scalarInput(LEVEL_ZERO, UINT8))
  const pixels = isRounded ? 'levels of the pixels' : 'bytes'
  return applied(NAME, `${filters} filters of ${side} × ${side} pixels, ${product} products of ${pixels}`)
}

const name = (part: string) => `${BYTE_PIXELS}:${part}`

function step(op: string, inputs: string[], to: string, attributes: Node['attributes'] = new Map()): Node {
  return { op, inputs, outputs: [to], attributes }
}

const permutation = (integers: number[]) => new Map([['perm', { integer: 0, integers }]])
const toFloat = new Map([['to', { integer: FLOAT, integers: [] }]])

/** Nodes from `patches`, [patches, rows], to `filtered`, [patches, filters], and their constants. */
interface Steps {
  nodes: Node[]
  weights: Tensor[]
}

function stepsOf(patches: Patches, scale: PixelScale, product: 'integer' | 'float'): Steps {
  const { kernel } = patches
  if ('levels' in kernel) return product === 'integer' ? levelProduct(patches, kernel) : floatProduct(patches, kernel)
  return product === 'integer' ? byteProducts(patches, kernel, scale) : floatProductOfBytes(patches, kernel, scale)
}

/** MatMulInteger of levels: the sums of the convolution. */
function levelProduct(patches: Patches, { levels, zeros, scales }: QuantisedKernel): Steps {
  const shift =
    levels instanceof Uint8Array ? (levels.every(level => level < LOW_STEPS) ? LOW_STEPS / 2 : LOW_STEPS) : 0
  const weights = byRow(patches, new Int8Array(levels.length), at => levels[at]! - shift)
  const moved = Int8Array.from(zeros, zero => zero - shift)
  return {
    nodes: [
      step('MatMulInteger', [name('patches'), name('filters'), LEVEL_ZERO, name('zeros')], name('sums')),
      step('Cast', [name('sums')], name('float-sums'), toFloat),
      ...scaled('float-sums'),
    ],
    weights: [
      { name: name('filters'), type: INT8, shape: [rowsOf(patches), patches.filters], replaced: bytesOf(weights) },
      { name: name('zeros'), type: INT8, shape: vectorShape(moved), replaced: bytesOf(moved) },
      scalesOf(scales),
    ],
  }
}

/** The same sums in floating point: exact up to 2^24, beyond that rounded to 24 bits. */
function floatProduct(patches: Patches, { levels, zeros, scales }: QuantisedKernel): Steps {
  const perFilter = rowsOf(patches)
  const zeroOf = (filter: number) => zeros[zeros.length === 1 ? 0 : filter]!
  const weights = byRow(patches, new Float32Array(levels.length), (at, filter) => levels[at]! - zeroOf(filter))
  const sums = new Float32Array(patches.filters)
  for (const [at, weight] of weights.entries()) sums[at % patches.filters]! += weight
  return {
    nodes: [
      step('Cast', [name('patches')], name('values'), toFloat),
      step('MatMul', [name('values'), name('filters')], name('products')),
      step('Cast', [LEVEL_ZERO], name('float-zero'), toFloat),
      step('Mul', [name('float-zero'), name('filter-sums')], name('at-zero')),
      step('Sub', [name('products'), name('at-zero')], name('float-sums')),
      ...scaled('float-sums'),
    ],
    weights: [
      { name: name('filters'), type: FLOAT, shape: [perFilter, patches.filters], replaced: bytesOf(weights) },
      { name: name('filter-sums'), type: FLOAT, shape: [patches.filters], replaced: bytesOf(sums) },
      scalesOf(scales),
    ],
  }
}

/** In the order in which the graph multiplied the scales. */
const scaled = (sums: string): Node[] => [
  step('Mul', [LEVEL_SCALE, name('scales')], name('steps')),
  step('Mul', [name(sums), name('steps')], name('filtered')),
]

const scalesOf = (scales: Float32Array): Tensor => ({
  name: name('scales'),
  type: FLOAT,
  shape: vectorShape(scales),
  replaced: bytesOf(scales),
})

const vectorShape = ({ length }: ArrayLike<number>) => (length === 1 ? [] : [length])

/** Fills a matrix [rows, filters], whose rows are in the order of RGB bytes. @param value of a weight by its position */
function byRow<T extends Int8Array | Float32Array>(
  patches: Patches,
  matrix: T,
  value: (at: number, filter: number) => number,
): T {
  const { filters } = patches
  const rows = rowsOf(patches)
  for (let filter = 0, at = 0; filter < filters; filter++)
    for (let channel = 0; channel < CHANNELS; channel++)
      for (let row = channel; row < rows; row += CHANNELS, at++) matrix[row * filters + filter] = value(at, filter)
  return matrix
}

function floatProductOfBytes(patches: Patches, kernel: FloatKernel, scale: PixelScale): Steps {
  const { filters } = patches
  const rows = rowsOf(patches)
  const weights = new Float32Array(rows * filters)
  const offset = new Float32Array(filters)
  for (let filter = 0; filter < filters; filter++) {
    const { scaled, sum } = scaledFilter(patches, kernel, scale, filter, 0)
    for (let place = 0; place < rows; place++) weights[place * filters + filter] = scaled[place]!
    offset[filter] = sum
  }
  return {
    nodes: [
      step('Cast', [name('patches')], name('values'), toFloat),
      step('MatMul', [name('values'), name('filters')], name('products')),
      step('Add', [name('products'), name('offset')], name('filtered')),
    ],
    weights: [
      { name: name('filters'), type: FLOAT, shape: [rows, filters], replaced: bytesOf(weights) },
      { name: name('offset'), type: FLOAT, shape: [filters], replaced: bytesOf(offset) },
    ],
  }
}

function byteProducts(patches: Patches, kernel: FloatKernel, scale: PixelScale): Steps {
  const { filters } = patches
  const rows = rowsOf(patches)
  const { zero, parts, offset } = partsOf(patches, kernel, scale)
  const names = parts.map((_, at) => name(`part${at}`))
  return {
    nodes: [
      ...names.flatMap(part => [
        step('MatMulInteger', [name('patches'), part, name('zero')], `${part}-sum`),
        step('Cast', [`${part}-sum`], `${part}-float`, toFloat),
        step('Mul', [`${part}-float`, `${part}-step`], `${part}-scaled`),
      ]),
      ...(parts.length > 1
        ? [
            step(
              'Add',
              names.map(part => `${part}-scaled`),
              name('sum'),
            ),
          ]
        : []),
      step('Add', [parts.length > 1 ? name('sum') : `${names[0]}-scaled`, name('offset')], name('filtered')),
    ],
    weights: [
      { name: name('zero'), type: UINT8, shape: [], replaced: Uint8Array.of(zero) },
      ...parts.flatMap(({ levels, steps }, at) => [
        { name: names[at]!, type: INT8, shape: [rows, filters], replaced: bytesOf(levels) },
        { name: `${names[at]}-step`, type: FLOAT, shape: [filters], replaced: bytesOf(steps) },
      ]),
      { name: name('offset'), type: FLOAT, shape: [filters], replaced: bytesOf(offset) },
    ],
  }
}

const rowsOf = ({ side }: Patches) => CHANNELS * side * side

/**
 * Returns the weights of a filter for bytes, in the order of RGB bytes, and its result where all bytes are `zero`.
 */
function scaledFilter(patches: Patches, kernel: FloatKernel, { mean, std }: PixelScale, filter: number, zero: number) {
  const rows = rowsOf(patches)
  const scaled = new Float64Array(rows)
  let sum = kernel.bias?.[filter] ?? 0
  for (let channel = 0, at = filter * rows; channel < CHANNELS; channel++) {
    const atZero = (zero / LEVEL - mean[channel]!) / std[channel]!
    for (let place = channel; place < rows; place += CHANNELS, at++) {
      scaled[place] = kernel.weights[at]! / (LEVEL * std[channel]!)
      sum += kernel.weights[at]! * atZero
    }
  }
  return { scaled, sum }
}

/** Filters in signed bytes, [rows, filters], and the step of each. */
interface Part {
  readonly levels: Int8Array
  readonly steps: Float32Array
}

/** Splits the filters into one part if all are multiples of a step each, else into two. */
function partsOf(patches: Patches, kernel: FloatKernel, scale: PixelScale) {
  const zero = Math.round((LEVEL * scale.mean.reduce((sum, value) => sum + value, 0)) / CHANNELS)
  const made = Array.from({ length: patches.filters }, (_, filter) =>
    scaledFilter(patches, kernel, scale, filter, zero),
  )
  const filters = made.map(({ scaled }) => scaled)
  const offset = Float32Array.from(made, ({ sum }) => sum)
  const steps = filters.map(stepOf)
  if (steps.every(step => step !== undefined)) {
    const levels = byFilter(filters, (value, filter) => Math.round(value / steps[filter]!))
    return { zero, offset, parts: [{ levels, steps: Float32Array.from(steps as number[]) }] }
  }
  const units = filters.map(filter => highestOf(filter) / MOST || 1)
  const rounded = (value: number, filter: number) => Math.round(value / units[filter]!)
  const above = (value: number) => Math.floor((value + LOW_STEPS / 2) / LOW_STEPS)
  const high = byFilter(filters, (value, filter) => above(rounded(value, filter)))
  const low = byFilter(filters, (value, filter) => rounded(value, filter) - above(rounded(value, filter)) * LOW_STEPS)
  const parts: Part[] = [
    { levels: high, steps: Float32Array.from(units, unit => unit * LOW_STEPS) },
    { levels: low, steps: Float32Array.from(units) },
  ]
  return { zero, offset, parts }
}

/** Returns the step of which a filter has multiples in signed bytes. */
function stepOf(filter: Float64Array): number | undefined {
  const highest = highestOf(filter)
  if (highest === 0) return 1
  for (let most = MOST_LEVEL; most > LOW_STEPS / 2; most--) {
    const step = highest / most
    if (filter.every(value => Math.abs(value / step - Math.round(value / step)) < LEVEL_TOLERANCE)) return step
  }
  return undefined
}

function highestOf(filter: Float64Array): number {
  return filter.reduce((highest, value) => Math.max(highest, Math.abs(value)), 0)
}

/** Returns a matrix [rows, filters]. */
function byFilter(filters: readonly Float64Array[], level: (value: number, filter: number) => number): Int8Array {
  const matrix = new Int8Array(filters.length * filters[0]!.length)
  for (const [filter, values] of filters.entries())
    for (let row = 0, at = filter; row < values.length; row++, at += filters.length)
      matrix[at] = level(values[row]!, filter)
  return matrix
}

function bytesOf({ buffer, byteOffset, byteLength }: Int8Array | Float32Array): Uint8Array {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength)
}
