import type { ModelGraph, Node } from '../../graph/model-file.js'
import { prune } from '../../graph/towers/prune.js'
import type { PixelInput } from '../../runtime/rewrite-graph.js'
import { type Split, splitNeurons } from './apart.js'
import { type Smoothing, smoothing } from './factors.js'
import { Products } from './integer-product.js'
import { biasOf, type Linear, matrixOf, readable } from './linear.js'
import { linksOf } from './links.js'
import { addProduct, divideColumns, type Matrix, multiplyRows, pickColumns, pickRows } from './matrices.js'
import { addFloats, node } from './nodes.js'
import type { Plan } from './plan.js'
import { roundPatches } from './round-patches.js'
import { withoutSlopes } from './slope.js'
import type { LayerNorm, VectorPlace } from './smoothable.js'
import { roundTokenTable } from './token-table.js'
import type { Range } from './watch.js'

/**
 * Changes a graph in 32 bits to 8 bits: smooths the inputs of products, keeps a few neurons apart in floating point, and
 * rounds all other products. Only the rounding changes results.
 * @param ranges of each watched value
 * @param pixels of an image tower
 */
export function smoothGraph(
  graph: ModelGraph,
  plan: Plan,
  ranges: ReadonlyMap<string, Range>,
  pixels: PixelInput,
): void {
  const changes = smooth(graph, plan, ranges)
  const change = (linear: Linear, more: Change) => changes.set(linear, { ...changes.get(linear), ...more })
  const neurons = withoutSlopes(graph, plan.neurons, linksOf(graph))
  for (const {
    neurons: { first, second },
    slope,
  } of neurons) {
    if (slope === 1) continue
    change(first, { output: division(1 / slope, first.to) })
    change(second, { input: division(1 / slope, second.from) })
  }
  const splits = neurons.map(({ neurons }) => splitNeurons(neurons, heightsOf(ranges.get(neurons.second.input)!)))
  const writer = new LinearWriter(graph, changes, splits)
  const products = new Map(plan.linears.map(linear => [linear.product, linear]))
  const sums = new Set(plan.linears.flatMap(({ sum }) => sum ?? []))
  graph.nodes = graph.nodes.flatMap(each => {
    const linear = products.get(each)
    return linear ? writer.write(linear) : sums.has(each) ? [] : [each]
  })
  roundTokenTable(graph)
  roundPatches(graph, pixels.size, pixels)
  prune(graph)
}

function heightsOf({ highest, lowest }: Range): Float32Array {
  return highest.map((high, at) => Math.max(Math.abs(high), Math.abs(lowest[at]!)))
}

/** How the input of a product changes, and how its output does. */
interface Change {
  input?: Smoothing
  output?: Smoothing
}

function division(by: number, channels: number): Smoothing {
  return { shifts: new Float64Array(channels), factors: new Float64Array(channels).fill(by) }
}

/** Changes layer norms. @returns what is to change in the products */
function smooth(graph: ModelGraph, { smoothable }: Plan, ranges: ReadonlyMap<string, Range>): Map<Linear, Change> {
  const changes = new Map<Linear, Change>()
  const change = (linear: Linear, more: Change) => changes.set(linear, { ...changes.get(linear), ...more })
  for (const { input, readers, source } of smoothable) {
    const matrices = readers.map(reader => ({ values: matrixOf(reader), rows: reader.from, columns: reader.to }))
    const made = smoothing(ranges.get(input)!, matrices)
    for (const reader of readers) change(reader, { input: made })
    if ('values' in source) change(source.values, { output: made })
    else smoothNorm(graph, source.norm, made)
  }
  return changes
}

function smoothNorm(graph: ModelGraph, { gain, bias }: LayerNorm, { shifts, factors }: Smoothing): void {
  const replace = ({ node: norm, index, tensor }: VectorPlace, change: (value: number, channel: number) => number) => {
    const name = addFloats(graph, `${norm.outputs[0]}:smooth:${index}`, readable(tensor).map(change), tensor.shape)
    norm.inputs = norm.inputs.map((input, at) => (at === index ? name : input))
  }
  replace(gain, (value, channel) => value / factors[channel]!)
  replace(bias, (value, channel) => (value - shifts[channel]!) / factors[channel]!)
}

class LinearWriter {
  readonly #products: Products
  readonly #first: ReadonlyMap<Linear, Split>
  readonly #second: ReadonlyMap<Linear, Split>

  constructor(
    graph: ModelGraph,
    private readonly changes: ReadonlyMap<Linear, Change>,
    splits: readonly Split[],
  ) {
    this.#products = new Products(graph)
    this.#first = new Map(splits.map(split => [split.neurons.first, split]))
    this.#second = new Map(splits.map(split => [split.neurons.second, split]))
  }

  write(linear: Linear): Node[] {
    const [first, second] = [this.#first.get(linear), this.#second.get(linear)]
    if (first) return this.#writeFirst(linear, first)
    return second ? this.#writeSecond(linear, second) : this.#products.inBytes(this.#changed(linear))
  }

  #changed(linear: Linear) {
    const { input, output, from, to } = linear
    const change = this.changes.get(linear)
    const matrix: Matrix = { values: matrixOf(linear), rows: from, columns: to }
    let bias: ArrayLike<number> | undefined = biasOf(linear)
    if (change?.input) {
      bias = addProduct(bias, change.input.shifts, matrix)
      multiplyRows(matrix, change.input.factors)
    }
    if (change?.output) {
      const { shifts, factors } = change.output
      const before = bias
      bias = factors.map((factor, at) => ((before?.[at] ?? 0) - shifts[at]!) / factor)
      divideColumns(matrix, factors)
    }
    return { input, output, matrix, bias: bias && Float32Array.from(bias) }
  }

  #writeFirst(linear: Linear, { apart, rest }: Split): Node[] {
    const { input, output, matrix, bias } = this.#changed(linear)
    const part = (neurons: readonly number[]) => ({
      matrix: pickColumns(matrix, neurons),
      bias: bias && Float32Array.from(neurons, neuron => bias[neuron]!),
    })
    return [
      ...this.#products.inBytes({ input, output, ...part(rest) }),
      ...this.#products.inFloats({ input, output: aside(output), ...part(apart) }),
    ]
  }

  /** The part in floating point is added last: the runtime adds a bias within the integer product. */
  #writeSecond(linear: Linear, { neurons, apart, rest }: Split): Node[] {
    const { input, output, matrix, bias } = this.#changed(linear)
    const inside = new Set([neurons.first.output, ...neurons.activation.flatMap(({ outputs }) => outputs)])
    const copied = (names: readonly string[]) => names.map(name => (inside.has(name) ? aside(name) : name))
    return [
      ...neurons.activation.map(each => ({
        ...each,
        attributes: each.attributes,
        inputs: copied(each.inputs),
        outputs: copied(each.outputs),
      })),
      ...this.#products.inBytes({ input, output: `${output}:rest`, matrix: pickRows(matrix, rest), bias }),
      ...this.#products.inFloats({ input: aside(input), output: aside(output), matrix: pickRows(matrix, apart) }),
      node('Add', [`${output}:rest`, aside(output)], output),
    ]
  }
}

const aside = (name: string) => `${name}:apart`
