import type { Node } from '../../graph/model-file.js'
import type { Linear } from './linear.js'
import { isNumber, type Links, readersOf } from './links.js'

/** Operators that compute each number from itself and from constants. */
const ELEMENTWISE = [
  ...['Add', 'Sub', 'Mul', 'Div', 'Pow', 'Sqrt', 'Neg', 'Reciprocal', 'Identity', 'Relu', 'LeakyRelu'],
  ...['Sigmoid', 'Tanh', 'Erf', 'Gelu', 'FastGelu', 'QuickGelu', 'HardSigmoid', 'HardSwish'],
]

/** Two products with an activation between them, through which each neuron passes alone. */
export interface Neurons {
  readonly first: Linear
  readonly second: Linear
  /** Nodes of the activation, in the order of the graph. */
  readonly activation: readonly Node[]
}

/** Returns every such pair of a graph. */
export function findNeurons(linears: readonly Linear[], nodes: readonly Node[], links: Links): Neurons[] {
  const byOutput = new Map(linears.map(linear => [linear.output, linear]))
  return linears.flatMap(second => {
    const found = activationAbove(second, byOutput, links)
    if (!found || found.first.to !== second.from) return []
    return { first: found.first, second, activation: nodes.filter(node => found.inside.has(node)) }
  })
}

function activationAbove(
  { input, product }: Linear,
  byOutput: ReadonlyMap<string, Linear>,
  links: Links,
): { first: Linear; inside: ReadonlySet<Node> } | undefined {
  const inside = new Set<Node>()
  const ends = new Set<string>()
  const wanted = [input]
  for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
    if (byOutput.has(name)) {
      ends.add(name)
      continue
    }
    const node = links.maker.get(name)
    if (!node || !ELEMENTWISE.includes(node.op)) return undefined
    if (inside.has(node)) continue
    inside.add(node)
    wanted.push(...node.inputs.filter(each => each !== '' && !isNumber(each, links)))
  }
  const [end, other] = ends
  if (end === undefined || other !== undefined || inside.size === 0) return undefined
  const values = [end, ...[...inside].flatMap(({ outputs }) => outputs)]
  const isClosed = values.every(value =>
    readersOf(value, links)?.every(reader => inside.has(reader) || (value === input && reader === product)),
  )
  return isClosed ? { first: byOutput.get(end)!, inside } : undefined
}
