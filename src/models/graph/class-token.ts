import { INT64, type ModelGraph, type Node, numbers, type Tensor } from './model-file.js'

/** Operators of one argument that treat each token by itself. */
const UNARY = [
  'Sqrt',
  'Sigmoid',
  'Erf',
  'Tanh',
  'Relu',
  'Gelu',
  'QuickGelu',
  'FastGelu',
  'Identity',
  'Cast',
  'Neg',
  'Reciprocal',
  // Of its three outputs two are numbers: scale and zero point of all tokens that it is given.
  'DynamicQuantizeLinear',
]
/** Operators of two: tokens with tokens, or with a constant of the width. */
const BINARY = ['Add', 'Sub', 'Mul', 'Div', 'Pow']
/** What makes a tensor that is known to be [batch, tokens, width], so that its tokens may be cut. */
const MAKES_TOKENS = ['Add', 'Reshape', 'LayerNormalization']
const PRODUCTS = ['MatMul', 'MatMulInteger']
/** [batch, tokens, width] */
const TOKENS_AXIS = 1
const LAST_AXES = [-1, 2]
/** Names of the cut's bounds. */
const FIRST = 'class-token:0'
const SECOND = 'class-token:1'

/**
 * Computes the last block of a vision transformer for the class token alone, because nothing else of it is used: walks up from
 * where the class token is picked, as long as tokens do not mix, and cuts the other tokens off there. What is left out is 3/4
 * of the last block's products, 6 % of a tower of 12 blocks; what is computed is computed as before.
 *
 * A tower that is quantised dynamically takes the range of its activations over all tokens of a run, and after the cut over
 * its class tokens. That changes an embedding less than other images in the same run do, and leaves it as near to that of
 * the tower in fp32 (docs/models.md).
 * @returns whether it found such a tower
 */
export function useClassTokenOnly(graph: ModelGraph): boolean {
  const links = linksOf(graph)
  return graph.nodes.some(pick => picksClassToken(pick, links) && cutAbove(pick, graph, links))
}

interface Links {
  maker: Map<string, Node>
  users: Map<string, Node[]>
  constants: Map<string, Tensor>
}

function linksOf({ nodes, weights }: ModelGraph): Links {
  const links: Links = { maker: new Map(), users: new Map(), constants: new Map(weights) }
  for (const node of nodes) {
    for (const name of node.outputs) links.maker.set(name, node)
    for (const name of node.inputs) links.users.set(name, [...(links.users.get(name) ?? []), node])
    const constant =
      node.op === 'Constant'
        ? node.attributes.get('value')?.tensor
        : node.op === 'Identity'
          ? links.constants.get(node.inputs[0]!)
          : undefined
    if (constant) links.constants.set(node.outputs[0]!, constant)
  }
  return links
}

/** Gather of place 0 along the tokens, with a scalar, so that the axis goes. */
function picksClassToken({ op, inputs, attributes }: Node, { constants }: Links): boolean {
  const place = constants.get(inputs[1] ?? '')
  return (
    op === 'Gather' &&
    attributes.get('axis')?.integer === TOKENS_AXIS &&
    place?.type === INT64 &&
    place.shape.length === 0 &&
    place.read?.().every(byte => byte === 0) === true
  )
}

function cutAbove(pick: Node, graph: ModelGraph, links: Links): boolean {
  const { maker, users, constants } = links
  const changing = (node: Node) => node.inputs.filter(name => name !== '' && !constants.has(name))
  /** Nodes between the cut and the pick: all that they make is used among them. */
  const alone = new Set<Node>()
  const wanted = [pick.inputs[0]!]
  for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
    const node = maker.get(name)
    if (!node || alone.has(node) || !treatsTokensAlone(node, constants)) continue
    const isUsedElsewhere = node.outputs.some(
      output => graph.outputs.includes(output) || users.get(output)?.some(user => user !== pick && !alone.has(user)),
    )
    // It comes up again with each of its users, so also with the last one.
    if (isUsedElsewhere) continue
    alone.add(node)
    wanted.push(...changing(node))
  }
  const cut = new Set([...alone].flatMap(changing).filter(name => !alone.has(maker.get(name)!)))
  const saves = [...alone].some(({ op }) => PRODUCTS.includes(op))
  if (!saves || [...cut].some(name => !MAKES_TOKENS.includes(maker.get(name)?.op ?? ''))) return false

  for (const bound of [numbers(FIRST, [0]), numbers(SECOND, [1])]) graph.weights.set(bound.name, bound)
  for (const name of cut) {
    const inputs = [name, FIRST, SECOND, SECOND]
    const slice: Node = { op: 'Slice', inputs, outputs: [`${name}:class`], attributes: new Map() }
    graph.nodes.splice(graph.nodes.indexOf(maker.get(name)!) + 1, 0, slice)
  }
  for (const node of alone) node.inputs = node.inputs.map(name => (cut.has(name) ? `${name}:class` : name))
  return true
}

function treatsTokensAlone({ op, inputs, attributes }: Node, constants: Map<string, Tensor>): boolean {
  const rank = (index: number) => constants.get(inputs[index] ?? '')?.shape.length
  if (UNARY.includes(op)) return true
  // A constant of more axes has values for each token.
  if (BINARY.includes(op)) return [0, 1].every(index => (rank(index) ?? 0) <= 1)
  if (PRODUCTS.includes(op)) return rank(0) === undefined && rank(1) === 2
  if (op === 'LayerNormalization') return LAST_AXES.includes(attributes.get('axis')?.integer ?? -1)
  if (op === 'ReduceMean') {
    const axes = attributes.get('axes')?.integers ?? []
    return axes.length === 1 && LAST_AXES.includes(axes[0]!) && attributes.get('keepdims')?.integer !== 0
  }
  return false
}
