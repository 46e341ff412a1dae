import { constantsOf, isZero } from './constants.js'
import { integerProduct } from './integer-products.js'
import { FLOAT, INT8, type Input, type ModelGraph, type Node, numbers, type Tensor, UINT8 } from './model-file.js'
import { applied, leftOut, notNeeded, type Rewrite } from './rewrite.js'

/** The input in training: `(byte / 255 − mean) / std`, channel by channel. */
export interface PixelScale {
  readonly mean: readonly number[]
  readonly std: readonly number[]
}

/** Input of a graph after {@link useBytePixels}: RGB bytes, [batch, size, size, 3]. */
export const BYTE_PIXELS = 'unsplash-clip:rgb-bytes'

const NAME = 'byte-pixels'
const CHANNELS = 3
const LEVEL = 255
/** A weight is HIGH × 128 + LOW, each with 7 bits and a sign, so byte products overflow on no CPU. */
const LOW_STEPS = 128
const MOST_LOW = 63
const MOST = MOST_LOW * LOW_STEPS + MOST_LOW

/** Adjacent square patches: how a vision transformer splits a picture. */
interface Patches {
  /** Nodes that compute it. */
  nodes: readonly Node[]
  input: Input
  /** Nodes that read the number of pictures. */
  counts: readonly Node[]
  output: string
  /** [filters, 3, side, side] */
  weights: Float32Array
  /** [filters] */
  bias: Float32Array | undefined
  filters: number
  side: number
}

/**
 * Feeds the bytes of a picture directly to an image tower that computes in integers. Replaces its first step, a
 * convolution over non-overlapping patches, by a product of the bytes with weights that include scale and mean of the
 * pixels. The graph then needs no normalisation, and pixels are not rounded. The convolution is either in floating
 * point, or quantised, for which the runtime has no fast kernel.
 * @param size side of the picture, in pixels
 * @param product `integer`: two integer products with weights of 15 bits, faster on CPUs with VNNI. Rounding of a
 *   weight: 1/16,000 of the largest of its filter. `float`: one product in floating point, faster on others
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
  const rows = CHANNELS * side * side
  const made: Tensor[] = [
    numbers(name('split'), [-1, grid, side, grid, side * CHANNELS]),
    numbers(name('rows'), [-1, rows]),
    numbers(name('grid'), [-1, grid, grid, filters]),
  ]
  const steps = product === 'integer' ? integerProducts(patches, scale) : floatProduct(patches, scale)
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
  return applied(NAME, `${filters} filters of ${side} × ${side} pixels, ${product} products`)
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

function floatProduct(patches: Patches, scale: PixelScale): Steps {
  const { filters } = patches
  const rows = rowsOf(patches)
  const weights = new Float32Array(rows * filters)
  const offset = new Float32Array(filters)
  for (let filter = 0; filter < filters; filter++) {
    const { scaled, sum } = scaledFilter(patches, scale, filter, 0)
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

function integerProducts(patches: Patches, scale: PixelScale): Steps {
  const { filters } = patches
  const rows = rowsOf(patches)
  const { zero, high, low, highStep, lowStep, offset } = bytesAndSteps(patches, scale)
  const product = (part: string): Node[] => [
    step('MatMulInteger', [name('patches'), name(part), name('zero')], name(`${part}-sum`)),
    step('Cast', [name(`${part}-sum`)], name(`${part}-float`), toFloat),
    step('Mul', [name(`${part}-float`), name(`${part}-step`)], name(`${part}-part`)),
  ]
  return {
    nodes: [
      ...product('high'),
      ...product('low'),
      step('Add', [name('high-part'), name('low-part')], name('both')),
      step('Add', [name('both'), name('offset')], name('filtered')),
    ],
    weights: [
      { name: name('zero'), type: UINT8, shape: [], replaced: Uint8Array.of(zero) },
      { name: name('high'), type: INT8, shape: [rows, filters], replaced: bytesOf(high) },
      { name: name('low'), type: INT8, shape: [rows, filters], replaced: bytesOf(low) },
      { name: name('high-step'), type: FLOAT, shape: [filters], replaced: bytesOf(highStep) },
      { name: name('low-step'), type: FLOAT, shape: [filters], replaced: bytesOf(lowStep) },
      { name: name('offset'), type: FLOAT, shape: [filters], replaced: bytesOf(offset) },
    ],
  }
}

const rowsOf = ({ side }: Patches) => CHANNELS * side * side

/**
 * Returns the weights of a filter for bytes, in the order of RGB bytes, and its result where all bytes are `zero`.
 */
function scaledFilter(patches: Patches, { mean, std }: PixelScale, filter: number, zero: number) {
  const rows = rowsOf(patches)
  const scaled = new Float64Array(rows)
  let sum = patches.bias?.[filter] ?? 0
  for (let channel = 0, at = filter * rows; channel < CHANNELS; channel++) {
    const atZero = (zero / LEVEL - mean[channel]!) / std[channel]!
    for (let place = channel; place < rows; place += CHANNELS, at++) {
      scaled[place] = patches.weights[at]! / (LEVEL * std[channel]!)
      sum += patches.weights[at]! * atZero
    }
  }
  return { scaled, sum }
}

/**
 * Returns the only convolution of a graph if it cuts the picture into patches and only it reads the pixels; else why
 * not.
 */
function findPatches(graph: ModelGraph, size: number): Patches | string {
  const { nodes, readElsewhere } = graph
  const convolutions = nodes.filter(({ op }) => ['Conv', 'ConvInteger'].includes(op))
  const [node] = convolutions
  if (convolutions.length !== 1 || !node) return `expected one convolution, found ${convolutions.length}`
  const found = node.op === 'Conv' ? plain(graph, node) : quantised(graph, node)
  if (typeof found === 'string') return found
  const [filters = 0, channels, side = 0, width] = graph.weights.get(node.inputs[1]!)?.shape ?? []
  if (channels !== CHANNELS || side !== width || size % side !== 0 || !isTiled(node, side))
    return `expected a convolution that cuts ${size} × ${size} RGB pixels into square patches side by side`
  const { input, casts } = stepOverCasts(graph, found.pixels)
  if (!input)
    return `expected the pixels as input of the convolution, found ${found.pixels}, which another step computes`
  const all = [...casts, ...found.nodes]
  const inside = [input.name, ...all.flatMap(({ outputs }) => outputs)].filter(name => name !== found.output)
  const readers = nodes.filter(node => !all.includes(node) && node.inputs.some(name => inside.includes(name)))
  const pictures = [input.name, ...casts.flatMap(({ outputs }) => outputs)]
  const other = readers.find(node => !pictures.includes(node.inputs[0]!) || !countsPictures(node, graph))
  if (other) return `${other.op} reads the pixels as well`
  if (inside.some(name => readElsewhere.has(name))) return 'an output or a nested graph reads the pixels as well'
  return { ...found, nodes: all, input, counts: readers, filters, side }
}

/** Returns whether a node reads only the first size of a shape, which is the same for bytes. */
function countsPictures({ op, outputs, attributes }: Node, { nodes, weights, readElsewhere }: ModelGraph): boolean {
  const constants = constantsOf({ nodes, weights })
  const [shape] = outputs as [string]
  const isFirst = ({ op, inputs, attributes }: Node) =>
    op === 'Gather' &&
    inputs[0] === shape &&
    (attributes.get('axis')?.integer ?? 0) === 0 &&
    isZero(constants.get(inputs[1] ?? ''))
  // From opset 15 on, Shape may return a part of the shape: the exporter of torch.export asks for the first size alone.
  const [start, end] = ['start', 'end'].map(name => attributes.get(name)?.integer)
  if (op === 'Shape' && (start ?? 0) === 0 && end === 1) return true
  const isWhole = op === 'Shape' && !attributes.has('start') && !attributes.has('end')
  return isWhole && !readElsewhere.has(shape) && nodes.every(node => !node.inputs.includes(shape) || isFirst(node))
}

/** Skips casts of the pixels to the type they have already, as exporters write them. Other casts change values. */
function stepOverCasts({ nodes, inputs }: ModelGraph, pixels: string): { input: Input | undefined; casts: Node[] } {
  const casts: Node[] = []
  for (let name = pixels; ; ) {
    const input = inputs.find(input => input.name === name)
    const maker = nodes.find(({ outputs }) => outputs[0] === name)
    const isStep = maker && (maker.op === 'Identity' || castsToFloat(maker)) && !casts.includes(maker)
    if (input || !isStep) return { input, casts }
    casts.push(maker)
    name = maker.inputs[0]!
  }
}

function castsToFloat({ op, attributes }: Node): boolean {
  return op === 'Cast' && attributes.get('to')?.integer === FLOAT
}

function isTiled({ attributes }: Node, side: number): boolean {
  const all = (key: string, wanted: number) => (attributes.get(key)?.integers ?? []).every(value => value === wanted)
  return (
    attributes.get('strides')?.integers.length === 2 &&
    all('strides', side) &&
    all('pads', 0) &&
    all('dilations', 1) &&
    (attributes.get('group')?.integer ?? 1) === 1 &&
    ['NOTSET', 'VALID'].includes(attributes.get('auto_pad')?.text ?? 'NOTSET')
  )
}

type Found = Pick<Patches, 'nodes' | 'output' | 'weights' | 'bias'> & { pixels: string }

/** Matches the floating-point form: inputs are pixels, weights and optionally a bias. */
function plain({ weights }: ModelGraph, node: Node): Found | string {
  const [pixels, kernel, bias] = node.inputs
  const floats = floatsOf(weights.get(kernel!))
  const offsets = bias ? floatsOf(weights.get(bias)) : undefined
  if (!floats || (bias && !offsets)) return 'expected a convolution with constant float32 weights'
  return { nodes: [node], pixels: pixels!, output: node.outputs[0]!, weights: floats, bias: offsets }
}

/**
 * Matches the form of dynamic quantisation: quantised pixels, an integer sum, a cast to float, a product with both
 * scales.
 */
function quantised({ nodes, weights }: ModelGraph, node: Node): Found | string {
  const [levels, kernel, levelsZero, zero] = node.inputs
  const onlyUser = (of: Node | undefined, op: string) => {
    const users = nodes.filter(({ inputs }) => inputs.includes(of?.outputs[0] ?? ''))
    return users.length === 1 && users[0]!.op === op ? users[0] : undefined
  }
  const quantise = nodes.find(({ op, outputs }) => op === 'DynamicQuantizeLinear' && outputs[0] === levels)
  const cast = onlyUser(node, 'Cast')
  const result = onlyUser(cast, 'Mul')
  const scales = nodes.find(({ op, outputs }) => op === 'Mul' && result?.inputs.includes(outputs[0]!))
  const isKnown = quantise && quantise.outputs[2] === levelsZero && cast && castsToFloat(cast) && result && scales
  if (!isKnown || scales === result)
    return 'expected DynamicQuantizeLinear, ConvInteger, Cast and Mul by both scales, one after the other'
  const own = scales.inputs.filter(name => name !== quantise.outputs[1])
  const scale = own.length === 1 ? floatsOf(weights.get(own[0]!)) : undefined
  const floats = dequantised(weights.get(kernel!), weights.get(zero ?? ''), scale)
  if (!floats || (zero && !weights.has(zero)))
    return 'expected a ConvInteger with constant weights, zero point and scale'
  const all = [quantise, node, cast, scales, result]
  return { nodes: all, pixels: quantise.inputs[0]!, output: result.outputs[0]!, weights: floats, bias: undefined }
}

/** Accepts one scale for all filters or one per filter. */
function dequantised(
  tensor: Tensor | undefined,
  zero: Tensor | undefined,
  scales: Float32Array | undefined,
): Float32Array | undefined {
  const levels = levelsOf(tensor)
  const zeros = zero && levelsOf(zero)
  if (!tensor || !levels || !scales || (zero && !zeros)) return undefined
  const filters = tensor.shape[0]!
  const perFilter = levels.length / filters
  const of = <T extends ArrayLike<number>>(values: T, filter: number) => values[values.length === 1 ? 0 : filter]
  if ([zeros ?? [0], scales].some(({ length }) => length !== 1 && length !== filters)) return undefined
  return Float32Array.from(levels, (level, index) => {
    const filter = Math.floor(index / perFilter)
    return (level - (zeros ? of(zeros, filter)! : 0)) * of(scales, filter)!
  })
}

function bytesAndSteps(patches: Patches, scale: PixelScale) {
  const { filters } = patches
  const rows = rowsOf(patches)
  const zero = Math.round((LEVEL * scale.mean.reduce((sum, value) => sum + value, 0)) / CHANNELS)
  const high = new Int8Array(rows * filters)
  const low = new Int8Array(rows * filters)
  const highStep = new Float32Array(filters)
  const lowStep = new Float32Array(filters)
  const offset = new Float32Array(filters)
  for (let filter = 0; filter < filters; filter++) {
    const { scaled, sum } = scaledFilter(patches, scale, filter, zero)
    const unit = scaled.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0) / MOST || 1
    for (let place = 0; place < rows; place++) {
      const value = Math.round(scaled[place]! / unit)
      const above = Math.floor((value + LOW_STEPS / 2) / LOW_STEPS)
      high[place * filters + filter] = above
      low[place * filters + filter] = value - above * LOW_STEPS
    }
    highStep[filter] = unit * LOW_STEPS
    lowStep[filter] = unit
    offset[filter] = sum
  }
  return { zero, high, low, highStep, lowStep, offset }
}

function floatsOf(tensor: Tensor | undefined): Float32Array | undefined {
  const bytes = tensor?.type === FLOAT ? tensor.read?.() : undefined
  // Copied for alignment.
  return bytes && new Float32Array(Uint8Array.from(bytes).buffer)
}

function levelsOf(tensor: Tensor | undefined): Int8Array | Uint8Array | undefined {
  const bytes = tensor?.read?.()
  if (!bytes || (tensor!.type !== UINT8 && tensor!.type !== INT8)) return undefined
  return tensor!.type === UINT8 ? bytes : new Int8Array(Uint8Array.from(bytes).buffer)
}

function bytesOf({ buffer, byteOffset, byteLength }: Int8Array | Float32Array): Uint8Array {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength)
}
