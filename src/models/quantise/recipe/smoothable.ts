import type { Node, Tensor } from '../../graph/model-file.js'
import type { Linear } from './linear.js'
import { type Links, onlyReader, readersOf } from './links.js'

/**
 * Products that read one value, channel by channel, and what makes it: a shift and a division of its channels can be
 * moved there.
 * - `norm`: gain and bias of a layer norm
 * - `values`: the product that makes the values of the attention. Its weights add up to 1, so a shift of the values is
 *   one of their sums
 */
export interface Smoothable {
  /** The value that changes. */
  readonly input: string
  readonly readers: readonly Linear[]
  readonly source: { readonly norm: LayerNorm } | { readonly values: Linear }
}

export interface LayerNorm {
  readonly gain: VectorPlace
  readonly bias: VectorPlace
}

/** An input of a node that is a vector. */
export interface VectorPlace {
  readonly node: Node
  readonly index: number
  /** [channels] */
  readonly tensor: Tensor
}

/** Operators that keep the last axis as it is, if its size is the same before and after. */
const RESHAPES = ['Reshape', 'Identity', 'Squeeze', 'Unsqueeze']
/** Operators that move the numbers of a value. */
const MOVES = [...RESHAPES, 'Transpose']

/** Returns every such group of a graph. */
export function findSmoothable(linears: readonly Linear[], links: Links): Smoothable[] {
  const byProduct = new Map(linears.map(linear => [linear.product, linear]))
  const groups: Smoothable[] = []
  for (const root of new Set(linears.map(({ input }) => up(input, RESHAPES, links)))) {
    const readers = linearsBehind(root, byProduct, links)
    const channels = readers?.[0]?.from
    if (!readers || channels === undefined || readers.some(({ from }) => from !== channels)) continue
    const norm = layerNorm(root, channels, links)
    if (norm) groups.push({ input: root, readers, source: { norm } })
  }
  const byOutput = new Map(linears.map(linear => [linear.output, linear]))
  for (const reader of linears) {
    const values = valuesAbove(reader, byOutput, links)
    if (values) groups.push({ input: reader.input, readers: [reader], source: { values } })
  }
  return groups
}

function up(name: string, operators: readonly string[], { maker }: Links): string {
  let at = name
  for (let node = maker.get(at); node && operators.includes(node.op); node = maker.get(at)) at = node.inputs[0]!
  return at
}

/** Returns the products that read a value, if nothing else does. */
function linearsBehind(name: string, byProduct: ReadonlyMap<Node, Linear>, links: Links): Linear[] | undefined {
  const found: Linear[] = []
  for (const reader of readersOf(name, links) ?? [undefined]) {
    const linear = reader && byProduct.get(reader)
    if (linear) found.push(linear)
    else {
      const behind =
        reader && RESHAPES.includes(reader.op) ? linearsBehind(reader.outputs[0]!, byProduct, links) : undefined
      if (!behind) return undefined
      found.push(...behind)
    }
  }
  return found
}

/** Returns gain and bias of the layer norm that makes a value: of one node, or of the last two of several. */
function layerNorm(name: string, channels: number, links: Links): LayerNorm | undefined {
  const node = links.maker.get(name)
  if (node?.op === 'LayerNormalization') {
    const [gain, bias] = [1, 2].map(index => vectorAt(node, index, channels, links))
    return gain && bias && { gain, bias }
  }
  const bias = node?.op === 'Add' ? onlyVector(node, channels, links) : undefined
  if (!node || !bias) return undefined
  const scaled = node.inputs[1 - bias.index]!
  const scale = links.maker.get(scaled)
  const gain =
    scale?.op === 'Mul' && onlyReader(scaled, links) === node ? onlyVector(scale, channels, links) : undefined
  return gain && { gain, bias }
}

function onlyVector(node: Node, channels: number, links: Links): VectorPlace | undefined {
  const places = [0, 1].flatMap(index => vectorAt(node, index, channels, links) ?? [])
  return places.length === 1 && !links.constants.has(node.inputs[1 - places[0]!.index]!) ? places[0] : undefined
}

function vectorAt(node: Node, index: number, channels: number, { constants }: Links): VectorPlace | undefined {
  const tensor = constants.get(node.inputs[index] ?? '')
  return tensor?.shape.length === 1 && tensor.shape[0] === channels ? { node, index, tensor } : undefined
}

/**
 * Returns the product that makes the values whose weighted sums, head by head, a product reads: a channel of the
 * values is the same channel of the sums.
 */
function valuesAbove(reader: Linear, byOutput: ReadonlyMap<string, Linear>, links: Links): Linear | undefined {
  const sums = onlyPath(reader.input, links)
  const attention = sums === undefined ? undefined : links.maker.get(sums)
  if (attention?.op !== 'MatMul' || attention.inputs.some(name => links.constants.has(name))) return undefined
  const output = onlyPath(attention.inputs[1]!, links)
  const values = output === undefined ? undefined : byOutput.get(output)
  return values?.to === reader.from ? values : undefined
}

/** Goes up while numbers only move, as long as one node reads each value. */
function onlyPath(name: string, links: Links): string | undefined {
  let at = name
  while (onlyReader(at, links)) {
    const node = links.maker.get(at)
    if (!node || !MOVES.includes(node.op)) return at
    at = node.inputs[0]!
  }
  return undefined
}
