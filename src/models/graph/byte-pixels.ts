import { FLOAT, INT8, type Input, type ModelGraph, type Node, numbers, type Tensor, UINT8 } from './model-file.js'

/** What the image tower was trained on: `(byte / 255 − mean) / std`, channel by channel. */
export interface PixelScale {
  readonly mean: readonly number[]
  readonly std: readonly number[]
}

/** The input of a graph that {@link useBytePixels} changed: RGB bytes, [batch, size, size, 3]. */
export const BYTE_PIXELS = 'unsplash-clip:rgb-bytes'

const CHANNELS = 3
const LEVEL = 255
/** A weight is HIGH × 128 + LOW, each of 7 bits and a sign, which no CPU's products of bytes overflow. */
const LOW_STEPS = 128
const MOST_LOW = 63
const MOST = MOST_LOW * LOW_STEPS + MOST_LOW

/** Square patches side by side: how a vision transformer takes a picture apart. */
interface Patches {
  /** What computes it. */
  nodes: readonly Node[]
  input: Input
  output: string
  /** [filters, 3, side, side] */
  weights: Float32Array
  /** [filters] */
  bias: Float32Array | undefined
  filters: number
  side: number
}

/**
 * Lets an image tower that computes in integers take the bytes of a picture as they are. Its first step, a convolution with
 * patches that do not overlap, is written as a product of the bytes with the weights in 15 bits, in which scale and mean of
 * the pixels are contained: neither has to be computed any more, and the product takes integers' time, whether the convolution
 * was left in floating point or quantised, for which the runtime has no fast kernel. Rounding of a weight: 1/16,000 of the
 * largest of its filter; pixels are not rounded at all.
 * @param size side of the picture, in pixels
 * @returns whether it found such a tower
 */
export function useBytePixels(graph: ModelGraph, size: number, scale: PixelScale): boolean {
  const patches = findPatches(graph, size)
  if (!patches) return false

  const { nodes, input, output, filters, side } = patches
  const grid = size / side
  const rows = CHANNELS * side * side
  const name = (part: string) => `${BYTE_PIXELS}:${part}`
  const constants = constantsOf(patches, scale)
  const made: Tensor[] = [
    numbers(name('split'), [-1, grid, side, grid, side * CHANNELS]),
    numbers(name('rows'), [-1, rows]),
    numbers(name('grid'), [-1, grid, grid, filters]),
    { name: name('zero'), type: UINT8, shape: [], replaced: Uint8Array.of(constants.zero) },
    { name: name('high'), type: INT8, shape: [rows, filters], replaced: bytesOf(constants.high) },
    { name: name('low'), type: INT8, shape: [rows, filters], replaced: bytesOf(constants.low) },
    { name: name('high-step'), type: FLOAT, shape: [filters], replaced: bytesOf(constants.highStep) },
    { name: name('low-step'), type: FLOAT, shape: [filters], replaced: bytesOf(constants.lowStep) },
    { name: name('offset'), type: FLOAT, shape: [filters], replaced: bytesOf(constants.offset) },
  ]
  for (const tensor of made) graph.weights.set(tensor.name, tensor)

  const step = (op: string, inputs: string[], to: string, attributes: Node['attributes'] = new Map()): Node => ({
    op,
    inputs,
    outputs: [to],
    attributes,
  })
  const list = (integers: number[]) => ({ integer: 0, integers })
  const float = new Map([['to', { integer: FLOAT, integers: [] }]])
  const product = (part: string): Node[] => [
    step('MatMulInteger', [name('patches'), name(part), name('zero')], name(`${part}-sum`)),
    step('Cast', [name(`${part}-sum`)], name(`${part}-float`), float),
    step('Mul', [name(`${part}-float`), name(`${part}-step`)], name(`${part}-part`)),
  ]
  const others = graph.nodes.filter(node => !nodes.includes(node))
  graph.nodes = [
    step('Reshape', [BYTE_PIXELS, name('split')], name('lines')),
    step('Transpose', [name('lines')], name('squares'), new Map([['perm', list([0, 1, 3, 2, 4])]])),
    step('Reshape', [name('squares'), name('rows')], name('patches')),
    ...product('high'),
    ...product('low'),
    step('Add', [name('high-part'), name('low-part')], name('both')),
    step('Add', [name('both'), name('offset')], name('filtered')),
    step('Reshape', [name('filtered'), name('grid')], name('places')),
    step('Transpose', [name('places')], output, new Map([['perm', list([0, 3, 1, 2])]])),
    ...others,
  ]
  const used = new Set(graph.nodes.flatMap(({ inputs }) => inputs))
  for (const name of nodes.flatMap(({ inputs }) => inputs)) if (!used.has(name)) graph.weights.delete(name)
  Object.assign(input, { name: BYTE_PIXELS, replaced: { type: UINT8, sizes: [size, size, CHANNELS] } })
  return true
}

/** The one convolution of a graph that has products of integers, if nothing else reads the pixels. */
function findPatches(graph: ModelGraph, size: number): Patches | undefined {
  const { nodes } = graph
  if (!nodes.some(({ op }) => op === 'MatMulInteger')) return undefined
  const convolutions = nodes.filter(({ op }) => ['Conv', 'ConvInteger'].includes(op))
  const [node] = convolutions
  if (convolutions.length !== 1 || !node) return undefined
  const found = node.op === 'Conv' ? plain(graph, node) : quantised(graph, node)
  const [filters = 0, channels, side = 0, width] = graph.weights.get(node.inputs[1]!)?.shape ?? []
  const input = graph.inputs.find(({ name }) => name === found?.pixels)
  if (!found || !input || channels !== CHANNELS || side !== width || size % side !== 0 || !isTiled(node, side))
    return undefined
  const inside = found.nodes.flatMap(({ outputs }) => outputs).filter(name => name !== found.output)
  const isUsedElsewhere = nodes.some(
    other => !found.nodes.includes(other) && other.inputs.some(name => name === found.pixels || inside.includes(name)),
  )
  if (isUsedElsewhere || inside.some(name => graph.outputs.includes(name))) return undefined
  return { ...found, input, filters, side }
}

function isTiled({ attributes }: Node, side: number): boolean {
  const all = (key: string, wanted: number) => (attributes.get(key)?.integers ?? []).every(value => value === wanted)
  return (
    attributes.get('strides')?.integers.length === 2 &&
    all('strides', side) &&
    all('pads', 0) &&
    all('dilations', 1) &&
    (attributes.get('group')?.integer ?? 1) === 1 &&
    // Pads by a rule, whose name is not read.
    !attributes.has('auto_pad')
  )
}

type Found = Pick<Patches, 'nodes' | 'output' | 'weights' | 'bias'> & { pixels: string }

/** In floating point: pixels, weights and perhaps a bias go in. */
function plain({ weights }: ModelGraph, node: Node): Found | undefined {
  const [pixels, kernel, bias] = node.inputs
  const floats = floatsOf(weights.get(kernel!))
  const offsets = bias ? floatsOf(weights.get(bias)) : undefined
  if (!floats || (bias && !offsets)) return undefined
  return { nodes: [node], pixels: pixels!, output: node.outputs[0]!, weights: floats, bias: offsets }
}

/** As dynamic quantisation writes it: pixels are quantised, the sum becomes a float, which is multiplied by both scales. */
function quantised({ nodes, weights }: ModelGraph, node: Node): Found | undefined {
  const [levels, kernel, , zero] = node.inputs
  const onlyUser = (of: Node | undefined, op: string) => {
    const users = nodes.filter(({ inputs }) => inputs.includes(of?.outputs[0] ?? ''))
    return users.length === 1 && users[0]!.op === op ? users[0] : undefined
  }
  const quantise = nodes.find(({ op, outputs }) => op === 'DynamicQuantizeLinear' && outputs[0] === levels)
  const cast = onlyUser(node, 'Cast')
  const result = onlyUser(cast, 'Mul')
  const scales = nodes.find(({ op, outputs }) => op === 'Mul' && result?.inputs.includes(outputs[0]!))
  if (!quantise || !cast || !result || !scales || scales === result) return undefined
  const own = scales.inputs.filter(name => name !== quantise.outputs[1])
  const scale = own.length === 1 ? floatsOf(weights.get(own[0]!)) : undefined
  const floats = dequantised(weights.get(kernel!), weights.get(zero ?? ''), scale)
  if (!floats) return undefined
  const all = [quantise, node, cast, scales, result]
  return { nodes: all, pixels: quantise.inputs[0]!, output: result.outputs[0]!, weights: floats, bias: undefined }
}

/** With one scale for all filters, or one for each. */
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

function constantsOf({ weights, bias, filters, side }: Patches, { mean, std }: PixelScale) {
  const rows = CHANNELS * side * side
  const zero = Math.round((LEVEL * mean.reduce((sum, value) => sum + value, 0)) / CHANNELS)
  const high = new Int8Array(rows * filters)
  const low = new Int8Array(rows * filters)
  const highStep = new Float32Array(filters)
  const lowStep = new Float32Array(filters)
  const offset = new Float32Array(filters)
  const scaled = new Float64Array(rows)
  for (let filter = 0; filter < filters; filter++) {
    let sum = bias?.[filter] ?? 0
    let largest = 0
    for (let channel = 0, at = filter * rows; channel < CHANNELS; channel++) {
      const atZero = (zero / LEVEL - mean[channel]!) / std[channel]!
      for (let place = channel; place < rows; place += CHANNELS, at++) {
        scaled[place] = weights[at]! / (LEVEL * std[channel]!)
        sum += weights[at]! * atZero
        largest = Math.max(largest, Math.abs(scaled[place]!))
      }
    }
    const unit = largest / MOST || 1
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
  // A copy: the bytes may begin anywhere.
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
