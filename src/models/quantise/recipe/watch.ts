import { type ModelGraph, WATCHED } from '../../graph/model-graph.js'
import { addIntegers, node } from './nodes.js'
import type { Plan } from './plan.js'

/** From this version on, ReduceMax takes its axes as an input. */
const AXES_AS_INPUT = 18

/** Highest and lowest number of each channel of a value. */
export interface Range {
  readonly highest: Float32Array
  readonly lowest: Float32Array
}

/** Names of the outputs of a watched value. */
export interface WatchedOutputs {
  readonly highest: string
  /** Of the value with its sign turned. */
  readonly highestNegative: string
}

/**
 * Adds outputs to a graph for each watched value: the highest and the lowest number of each channel, so that nothing
 * large leaves the runtime.
 */
export function watchRanges(graph: ModelGraph, { watched }: Pick<Plan, 'watched'>): Map<string, WatchedOutputs> {
  const isInput = graph.opset >= AXES_AS_INPUT
  const axes = isInput ? [addIntegers(graph, `${WATCHED}:axes`, [0])] : []
  const highest = (input: string, output: string) =>
    node('ReduceMax', [input, ...axes], output, { keepdims: 0, ...(isInput ? {} : { axes: [0] }) })
  const found = new Map<string, WatchedOutputs>()
  for (const [index, [name, channels]] of [...watched].entries()) {
    const own = (part: string) => `${WATCHED}:${index}:${part}`
    const shape = addIntegers(graph, own('shape'), [-1, channels])
    const outputs = { highest: own('highest'), highestNegative: own('highest-negative') }
    graph.nodes.push(
      node('Reshape', [name, shape], own('rows')),
      node('Neg', [own('rows')], own('negative')),
      highest(own('rows'), outputs.highest),
      highest(own('negative'), outputs.highestNegative),
    )
    graph.watched.push(outputs.highest, outputs.highestNegative)
    found.set(name, outputs)
  }
  return found
}
