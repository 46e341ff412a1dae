import type { ModelGraph, Node } from '../model-graph.js'

/** Removes the nodes and the weights whose results nothing reads. */
export function prune(graph: ModelGraph): void {
  const wanted = new Set(graph.readElsewhere)
  const kept: Node[] = []
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some(name => wanted.has(name))) continue
    kept.push(node)
    for (const name of node.inputs) wanted.add(name)
  }
  graph.nodes = kept.reverse()
  const removed = [...graph.weights.keys()].filter(name => !wanted.has(name))
  for (const name of removed) graph.weights.delete(name)
  // Files of the first years list weights among the inputs, too.
  graph.inputs = graph.inputs.filter(({ name }) => !removed.includes(name))
}
