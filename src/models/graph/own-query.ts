import type { ModelGraph, Node } from './model-file.js'

/** Operators of attention whose first input is the query. */
const FUSED = ['MultiHeadAttention', 'Attention']

/**
 * Returns whether a graph pools its tokens by attention with a query that it has learned, as SigLIP does: the query of
 * one attention depends on no input of the model. The result is one token, which looks like a class token.
 * @param maker the node of each name
 */
export function poolsWithOwnQuery(graph: ModelGraph, maker: ReadonlyMap<string, Node>): boolean {
  const inputs = new Set(graph.inputs.map(({ name }) => name).filter(name => !graph.weights.has(name)))
  return graph.nodes.some(node => {
    const query = queryOf(node, maker)
    return query !== undefined && !dependsOn(query, inputs, maker)
  })
}

/** Returns the query of an attention: the first factor of the product below a Softmax. */
function queryOf(node: Node, maker: ReadonlyMap<string, Node>): string | undefined {
  if (FUSED.includes(node.op)) return node.inputs[0]
  if (node.op !== 'Softmax') return undefined
  let scores = maker.get(node.inputs[0] ?? '')
  // Scale and mask lie between the two; a mask is the second argument.
  while (scores && ['Add', 'Mul', 'Div', 'Cast', 'Identity'].includes(scores.op))
    scores = maker.get(scores.inputs[0] ?? '')
  return scores && ['MatMul', 'FusedMatMul', 'MatMulInteger'].includes(scores.op) ? scores.inputs[0] : undefined
}

/** Returns whether a value depends on one of the inputs, other than on their sizes. */
function dependsOn(value: string, inputs: ReadonlySet<string>, maker: ReadonlyMap<string, Node>): boolean {
  const seen = new Set<string>()
  const wanted = [value]
  for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
    if (inputs.has(name)) return true
    if (seen.has(name)) continue
    seen.add(name)
    const node = maker.get(name)
    if (node && node.op !== 'Shape') wanted.push(...node.inputs)
  }
  return false
}
