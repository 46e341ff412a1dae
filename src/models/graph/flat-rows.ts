import type { Node, Tensor } from './model-file.js'
import { integersOf, treatsTokensAlone } from './token-operators.js'

/**
 * Products of tokens that have two axes: one Reshape flattens [batch, tokens, width] to [rows, width], another restores
 * the three axes. The runtime's own optimiser writes them, because Gemm takes two axes only.
 */
export interface FlatRun {
  readonly flatten: Node
  readonly restore: Node
  /** Nodes between them, and both. */
  readonly nodes: ReadonlySet<Node>
  /** Widths of a row at its begin and end. */
  readonly widths: readonly [from: number, to: number]
}

interface Links {
  readonly maker: ReadonlyMap<string, Node>
  readonly constants: ReadonlyMap<string, Tensor>
}

/** Returns every run of a graph whose shapes are constant. */
export function flatRuns(nodes: readonly Node[], links: Links): FlatRun[] {
  return nodes.flatMap(node => runEndingAt(node, links) ?? [])
}

function runEndingAt(restore: Node, links: Links): FlatRun | undefined {
  const shape = reshapedTo(restore, links.constants)
  if (shape?.length !== 3) return undefined
  const nodes = new Set([restore])
  const flattens = new Set<Node>()
  const wanted = [restore.inputs[0]!]
  for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
    const node = links.maker.get(name)
    if (!node) return undefined
    if (nodes.has(node)) continue
    nodes.add(node)
    if (reshapedTo(node, links.constants)?.length === 2) flattens.add(node)
    else if (treatsTokensAlone(node, links.constants) || isGemmOfRows(node, links.constants))
      wanted.push(...node.inputs.filter(input => input !== '' && !links.constants.has(input)))
    else return undefined
  }
  const [flatten, other] = flattens
  if (!flatten || other) return undefined
  const [batch, tokens, to] = shape as [number, number, number]
  const [rows, from] = reshapedTo(flatten, links.constants) as [number, number]
  const isOneRowPerToken =
    (rows === -1 || batch === -1 || rows === batch * tokens) &&
    widthOf(flatten.inputs[0]!, links) === from &&
    widthOf(restore.inputs[0]!, links) === to
  return isOneRowPerToken ? { flatten, restore, nodes, widths: [from, to] } : undefined
}

/** Returns the constant shape of a Reshape. */
function reshapedTo({ op, inputs }: Node, constants: ReadonlyMap<string, Tensor>): number[] | undefined {
  const shape = op === 'Reshape' ? constants.get(inputs[1] ?? '') : undefined
  return shape && integersOf(shape)
}

/** Returns whether a Gemm multiplies each row by a constant matrix, and adds a vector. */
export function isGemmOfRows({ op, inputs, attributes }: Node, constants: ReadonlyMap<string, Tensor>): boolean {
  const rank = (index: number) => constants.get(inputs[index] ?? '')?.shape.length
  const isBias = !inputs[2] || (rank(2) ?? 2) <= 1
  return op === 'Gemm' && rank(0) === undefined && rank(1) === 2 && isBias && !attributes.get('transA')?.integer
}

/** Returns the last size of a value, as far as constants tell. */
function widthOf(name: string, links: Links): number | undefined {
  const { maker, constants } = links
  const node = maker.get(name)
  if (!node) return undefined
  const shapeOf = (index: number) => constants.get(node.inputs[index] ?? '')?.shape
  if (node.op === 'Reshape') return reshapedTo(node, constants)?.at(-1)
  if (node.op === 'LayerNormalization') return shapeOf(1)?.at(-1)
  if (node.op === 'Gemm') return shapeOf(1)?.at(node.attributes.get('transB')?.integer ? 0 : 1)
  if (shapeOf(1)?.length === 2) return shapeOf(1)!.at(-1)
  if (!treatsTokensAlone(node, constants)) return undefined
  // An Add or Mul has the width of its wider input; a scalar, such as a scale, has none.
  return node.inputs.flatMap(input => (constants.has(input) ? [] : (widthOf(input, links) ?? [])))[0]
}

/**
 * Returns whether a value is known to have three axes: it has as many as a value of which that is known, or a Reshape
 * makes three.
 */
export function hasThreeAxes(name: string, known: ReadonlySet<string>, links: Links): boolean {
  if (known.has(name)) return true
  const node = links.maker.get(name)
  if (!node) return false
  if (node.op === 'Reshape') return reshapedTo(node, links.constants)?.length === 3
  const [moving] = node.inputs.filter(input => input !== '' && !links.constants.has(input))
  return moving !== undefined && treatsTokensAlone(node, links.constants) && hasThreeAxes(moving, known, links)
}
