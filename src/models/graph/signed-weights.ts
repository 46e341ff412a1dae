import { integerProduct } from './integer-products.js'
import { INT8, type ModelGraph, type Node, UINT8 } from './model-file.js'
import { applied, leftOut, notNeeded, type Rewrite } from './rewrite.js'

const NAME = 'signed-weights'

/** Weights of 7 bits: 0 to 127 become -64 to 63. */
const MOST = 127
const SHIFT = 64
/** 255 × 128 fits into 16 bits with a sign. */
const MOST_OF_TWO = 128
/** Signed weights of 8 bits: -128 to 127 become 0 to 255. */
const SHIFT_BACK = 128

const WAY_OUT = 'Quantise the model again with signed weights (QInt8) of 7 bits (reduce_range).'

/**
 * Stores the unsigned 7-bit weights of integer matrix products as signed ones. Weight and zero point move by the same
 * 64, so (activation - its zero point) × (weight - its zero point) does not change. CPU instructions multiply unsigned
 * by signed bytes; ONNX Runtime computes unsigned by unsigned bytes at half the speed (docs/benchmarks.md).
 *
 * transformers.js's converter writes such weights for every model with a convolution, so for all CLIP image towers
 * (`weight_type`, `reduce_range` in its scripts/convert.py). Convolutions keep theirs: signed ones are six times slower
 * there. Weights of 8 bits also stay: pairs of products of signed ones overflow 16 bits on CPUs without VNNI. There,
 * signed weights of 8 bits become unsigned for that reason: slower, but right.
 * @param overflows whether pairs of products of an unsigned and a signed byte overflow on this CPU
 */
export function useSignedWeights(graph: ModelGraph, overflows = false): Rewrite {
  const { nodes, weights } = graph
  const users = new Map<string, Node[]>()
  for (const node of nodes) for (const name of node.inputs) users.set(name, [...(users.get(name) ?? []), node])

  const weightOf = (node: Node) => weights.get(node.inputs[integerProduct(node.op)?.weight ?? -1] ?? '')
  const products = nodes.filter(node => weightOf(node) !== undefined)
  const unsigned = products.filter(node => weightOf(node)!.type === UINT8)
  if (products.length === 0) return notNeeded(NAME, 'the graph has no integer products with constant weights')
  if (overflows && unsigned.length === 0) {
    const signed = products.filter(node => needsUnsigned(node, graph))
    if (signed.length > 0) return unsign(signed, products.length, graph, users)
  }
  if (unsigned.length === 0) return notNeeded(NAME, `all ${products.length} integer products have signed weights`)
  const reasons = new Map<string, number>()
  for (const node of unsigned) {
    const reason = signWeights(node, graph, users)
    if (reason) reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
  }
  const left = [...reasons.values()].reduce((sum, count) => sum + count, 0)
  const why = [...reasons].map(([reason, count]) => `; ${count} left: ${reason}`).join('')
  const warning = left > 0 ? { warning: warningOf(left, unsigned.length, [...reasons.keys()]) } : {}
  const sentence = `${unsigned.length - left} of ${unsigned.length} unsigned integer products${why}`
  return { ...(left === unsigned.length ? leftOut(NAME, sentence) : applied(NAME, sentence)), ...warning }
}

function warningOf(left: number, all: number, reasons: readonly string[]): string {
  return (
    `${left} of ${all} integer products keep unsigned weights (${reasons.join('; ')}), which take up to twice the time ` +
    `on a CPU. ${WAY_OUT}`
  )
}

function unsign(nodes: readonly Node[], all: number, graph: ModelGraph, users: Map<string, Node[]>): Rewrite {
  const right = nodes.filter(node => unsignWeights(node, graph, users)).length
  const wrong = nodes.length - right
  const sentence = `${right} of ${all} integer products have signed weights of 8 bits, and compute with unsigned ones`
  const slow =
    `${right} integer products have signed weights of 8 bits, whose sums overflow on this CPU, which has no VNNI. They ` +
    `compute with unsigned weights, up to twice the time. ${WAY_OUT}`
  const off =
    `${wrong} integer products have signed weights of 8 bits, whose sums overflow on this CPU, which has no VNNI: ` +
    `embeddings differ from those of other CPUs. ${WAY_OUT}`
  if (wrong === 0) return { ...applied(NAME, sentence), warning: slow }
  return { ...(right > 0 ? applied(NAME, sentence) : leftOut(NAME, off)), warning: off }
}

function needsUnsigned(node: Node, { weights }: ModelGraph): boolean {
  const weight = weights.get(node.inputs[integerProduct(node.op)!.weight]!)!
  if (weight.type !== INT8) return false
  const values = weight.read?.()
  return values !== undefined && canOverflow(values, weight.shape)
}

/** Changes one product. @returns false when it stays unchanged */
function unsignWeights(node: Node, { weights, readElsewhere }: ModelGraph, users: Map<string, Node[]>): boolean {
  const place = integerProduct(node.op)!
  const weightName = node.inputs[place.weight]!
  const zeroName = node.inputs[place.zero] ?? ''
  const weight = weights.get(weightName)!
  const zero = weights.get(zeroName)
  if (users.get(weightName)!.length > 1 || readElsewhere.has(weightName) || (zeroName !== '' && !zero)) return false
  const zeros = zero ? zero.read?.() : Uint8Array.of(0)
  if (!zeros || (zero && zero.type !== INT8)) return false
  Object.assign(weight, { type: UINT8, replaced: move(weight.read!()!, SHIFT_BACK) })
  const unsigned = `${weightName}:unsigned-zero`
  weights.set(unsigned, { name: unsigned, type: UINT8, shape: zero?.shape ?? [], replaced: move(zeros, SHIFT_BACK) })
  const inputs = [...node.inputs]
  while (inputs.length <= place.zero) inputs.push('')
  inputs[place.zero] = unsigned
  node.inputs = inputs
  return true
}

/** Changes one product. @returns the reason when the product stays unchanged */
function signWeights(
  node: Node,
  { weights, readElsewhere }: ModelGraph,
  users: Map<string, Node[]>,
): string | undefined {
  const place = integerProduct(node.op)!
  const [weightName, zeroName] = [node.inputs[place.weight]!, node.inputs[place.zero] ?? '']
  const weight = weights.get(weightName)!
  const zero = weights.get(zeroName)
  if (zero?.type !== UINT8) return 'expected a constant zero point'
  // Other users would need moved weights, too.
  if (users.get(weightName)!.length > 1 || readElsewhere.has(weightName)) return 'something else uses the weights'
  const [values, zeros] = [weight.read?.(), zero.read?.()]
  if (!values || !zeros) return 'expected readable weights'
  if (!isSevenBits(values) || !isSevenBits(zeros)) return 'expected weights of 7 bits, found 8'
  Object.assign(weight, { type: INT8, replaced: move(values, -SHIFT) })
  // Products may share a zero point, so each gets its own.
  const signed = `${weightName}:signed-zero`
  weights.set(signed, { name: signed, type: INT8, shape: zero.shape, replaced: move(zeros, -SHIFT) })
  node.inputs = node.inputs.map((name, index) => (index === place.zero ? signed : name))
  const others = users.get(zeroName)!.filter(user => user !== node)
  users.set(zeroName, others)
  if (others.length === 0 && !readElsewhere.has(zeroName)) weights.delete(zeroName)
  return undefined
}

// Plain loops: a callback per value takes a second for 85 MB.
function isSevenBits(values: Uint8Array): boolean {
  for (let index = 0; index < values.length; index++) if (values[index]! > MOST) return false
  return true
}

/**
 * Returns whether the products of two neighbours of a column, rows 2i and 2i + 1, can leave 16 bits: signed bytes of the
 * same sign that add up to more than 128. `reduce_range` writes -64 to 64, which cannot.
 */
function canOverflow(values: Uint8Array, shape: readonly number[]): boolean {
  const [rows = 1, columns = 1] = shape.length === 1 ? shape : shape.slice(-2)
  const signed = new Int8Array(values.buffer as ArrayBuffer, values.byteOffset, values.length)
  for (let row = 0, at = 0; at < signed.length; row = row + 1 === rows ? 0 : row + 1)
    for (let column = 0; column < columns; column++, at++) {
      const one = signed[at]!
      const other = row % 2 === 0 && row + 1 < rows ? signed[at + columns]! : 0
      const height = one * other > 0 ? Math.abs(one + other) : Math.max(Math.abs(one), Math.abs(other))
      if (height > MOST_OF_TWO) return true
    }
  return false
}

/** Adds to bytes, signed or not, modulo 256. */
function move(values: Uint8Array, by: number): Uint8Array {
  const moved = new Uint8Array(values.length)
  for (let index = 0; index < values.length; index++) moved[index] = values[index]! + by
  return moved
}
