import type { ModelGraph, Node } from '../../graph/model-file.js'
import type { Neurons } from './activation.js'
import { floatsOf, isNumber, type Links } from './links.js'

/** QuickGELU: x × sigmoid(slope × x). */
interface Sloped {
  readonly neurons: Neurons
  /** The node that multiplies by the slope. */
  readonly scale: Node
  readonly sigmoid: Node
  readonly slope: number
}

/**
 * Takes the slope out of QuickGELU: with y = slope × x, x × sigmoid(slope × x) is y × sigmoid(y) / slope. The runtime has
 * one loop for y × sigmoid(y), and three with a slope.
 * @returns neurons whose first product is to be multiplied by the slope, and the second one divided by it
 */
export function withoutSlopes(
  graph: ModelGraph,
  neurons: readonly Neurons[],
  links: Links,
): { neurons: Neurons; slope: number }[] {
  return neurons.map(each => {
    const found = slopedOf(each, links)
    if (!found) return { neurons: each, slope: 1 }
    const { scale, sigmoid, slope } = found
    sigmoid.inputs = [each.first.output]
    graph.nodes = graph.nodes.filter(node => node !== scale)
    return { neurons: { ...each, activation: each.activation.filter(node => node !== scale) }, slope }
  })
}

function slopedOf(neurons: Neurons, links: Links): Sloped | undefined {
  const { first, second, activation } = neurons
  const [scale, sigmoid, gate] = activation
  if (activation.map(({ op }) => op).join() !== 'Mul,Sigmoid,Mul' || !scale || !sigmoid || !gate) return undefined
  const number = scale.inputs.find(name => isNumber(name, links))
  const isQuickGelu =
    number !== undefined &&
    scale.inputs.includes(first.output) &&
    sigmoid.inputs[0] === scale.outputs[0] &&
    gate.inputs.includes(first.output) &&
    gate.inputs.includes(sigmoid.outputs[0]!) &&
    gate.outputs[0] === second.input
  const slope = isQuickGelu ? floatsOf(links.constants.get(number))?.[0] : undefined
  return slope !== undefined && slope > 0 ? { neurons, scale, sigmoid, slope } : undefined
}
