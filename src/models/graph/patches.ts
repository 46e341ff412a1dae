import { constantsOf, isZero } from './constants.js'
import { FLOAT, INT8, type Input, type ModelGraph, type Node, type Tensor, UINT8 } from './model-file.js'

export const CHANNELS = 3

/** Adjacent square patches: how a vision transformer splits a picture. */
export interface Patches {
  /** Nodes that compute it. */
  readonly nodes: readonly Node[]
  readonly input: Input
  /** Nodes that read the number of pictures. */
  readonly counts: readonly Node[]
  readonly output: string
  readonly kernel: FloatKernel | QuantisedKernel
  readonly filters: number
  readonly side: number
}

/** Filters of a convolution in floating point. */
export interface FloatKernel {
  /** [filters, 3, side, side] */
  readonly weights: Float32Array
  /** [filters] */
  readonly bias: Float32Array | undefined
}

/** Filters of a convolution of dynamically quantised pixels: weight = (level − zero) × scale. */
export interface QuantisedKernel {
  /** [filters, 3, side, side] */
  readonly levels: Int8Array | Uint8Array
  /** One, or one per filter. */
  readonly zeros: ArrayLike<number>
  /** One, or one per filter. */
  readonly scales: Float32Array
}

/**
 * Returns the only convolution of a graph if it cuts the picture into patches and only it reads the pixels; else why
 * not.
 */
export function findPatches(graph: ModelGraph, size: number): Patches | string {
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
  return { nodes: all, input, counts: readers, output: found.output, kernel: found.kernel, filters, side }
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

type Found = Pick<Patches, 'nodes' | 'output' | 'kernel'> & { pixels: string }

/** Matches the floating-point form: inputs are pixels, weights and optionally a bias. */
function plain({ weights }: ModelGraph, node: Node): Found | string {
  const [pixels, kernel, bias] = node.inputs
  const floats = floatsOf(weights.get(kernel!))
  const offsets = bias ? floatsOf(weights.get(bias)) : undefined
  if (!floats || (bias && !offsets)) return 'expected a convolution with constant float32 weights'
  return { nodes: [node], pixels: pixels!, output: node.outputs[0]!, kernel: { weights: floats, bias: offsets } }
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
  const found = quantisedKernel(weights.get(kernel!), weights.get(zero ?? ''), scale)
  if (!found || (zero && !weights.has(zero)))
    return 'expected a ConvInteger with constant weights, zero point and scale'
  const all = [quantise, node, cast, scales, result]
  return { nodes: all, pixels: quantise.inputs[0]!, output: result.outputs[0]!, kernel: found }
}

function quantisedKernel(
  tensor: Tensor | undefined,
  zero: Tensor | undefined,
  scales: Float32Array | undefined,
): QuantisedKernel | undefined {
  const levels = levelsOf(tensor)
  const zeros = zero ? levelsOf(zero) : [0]
  if (!tensor || !levels || !scales || !zeros) return undefined
  const isKnown = ({ length }: ArrayLike<number>) => length === 1 || length === tensor.shape[0]
  return isKnown(zeros) && isKnown(scales) ? { levels, zeros, scales } : undefined
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
