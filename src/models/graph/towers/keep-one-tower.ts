import type { ModelGraph } from '../model-graph.js'
import { prune } from './prune.js'

/**
 * Leaves one tower of a graph with both: the first output of these names, and what it needs. The runtime computes every
 * node of a graph, whichever output is asked for. A graph without such an output stays as it is.
 * @param names of the embedding, preferred first
 */
export function keepOneTower(graph: ModelGraph, names: readonly string[]): void {
  const wanted = names.find(name => graph.outputs.some(output => output.name === name))
  if (wanted === undefined) return
  const dropped = new Set(graph.outputs.map(({ name }) => name))
  const nested = [...graph.readElsewhere].filter(name => !dropped.has(name))
  graph.outputs = graph.outputs.filter(({ name }) => name === wanted)
  graph.readElsewhere = new Set([wanted, ...nested])
  prune(graph)
  const read = new Set([...graph.readElsewhere, ...graph.nodes.flatMap(({ inputs }) => inputs)])
  graph.inputs = graph.inputs.filter(({ name }) => read.has(name))
}
