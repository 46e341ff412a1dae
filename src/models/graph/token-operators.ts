import type { Node, Tensor } from './model-file.js'

/** Operators with one argument that process each token separately. */
const UNARY = [
  'Sqrt',
  'Sigmoid',
  'Erf',
  'Tanh',
  'Relu',
  'Gelu',
  'QuickGelu',
  'Identity',
  'Cast',
  'Neg',
  'Reciprocal',
  // Two of its three outputs are numbers: scale and zero point of all tokens of its input.
  'DynamicQuantizeLinear',
]
/** Operators with two arguments: tokens with tokens, or with a constant of the width. */
const BINARY = ['Add', 'Sub', 'Mul', 'Div', 'Pow']
/** Operators of ONNX Runtime's optimiser: tokens, and constants of the width. */
const WITH_VECTORS: Readonly<Record<string, number>> = { BiasGelu: 1, FastGelu: 1, SkipLayerNormalization: 2 }
/** Tokens by a constant matrix, whatever its type. The other arguments are its scales and zero points. */
const PRODUCTS = ['MatMul', 'MatMulInteger', 'MatMulIntegerToFloat', 'DynamicQuantizeMatMul']
/** The matrix is packed: its shape does not tell its rank, which is always two. */
const PACKED_PRODUCTS = ['MatMulNBits', 'MatMulBnb4']
/** Operators whose first output is known to be [batch, tokens, width], so that tokens can be cut there. */
const MAKE_TOKENS = ['Add', 'Reshape', 'LayerNormalization', 'SkipLayerNormalization', 'MultiHeadAttention']
const LAST_AXES = [-1, 2]

/** Constants of a graph, by name. */
type Constants = ReadonlyMap<string, Tensor>

/** Returns whether a node multiplies tokens by a matrix: the work that a cut above it saves. */
export function isProduct({ op }: Node): boolean {
  return op === 'Gemm' || PRODUCTS.includes(op) || PACKED_PRODUCTS.includes(op)
}

/** Returns whether the result of a node for a token, [batch, tokens, width], depends on that token alone. */
export function treatsTokensAlone({ op, inputs, attributes }: Node, constants: Constants): boolean {
  const rank = (index: number) => constants.get(inputs[index] ?? '')?.shape.length
  if (UNARY.includes(op)) return true
  // A constant with more axes has values per token.
  if (BINARY.includes(op)) return [0, 1].every(index => (rank(index) ?? 0) <= 1)
  const tokens = WITH_VECTORS[op]
  if (tokens !== undefined)
    return inputs.every(
      (name, index) => name === '' || (index < tokens ? rank(index) === undefined : rank(index) === 1),
    )
  if (PRODUCTS.includes(op)) return rank(0) === undefined && rank(1) === 2
  if (PACKED_PRODUCTS.includes(op))
    return inputs.every((name, index) => name === '' || (rank(index) === undefined) === (index === 0))
  if (op === 'LayerNormalization') return LAST_AXES.includes(attributes.get('axis')?.integer ?? -1)
  if (op === 'ReduceMean') return reducesWidth({ inputs, attributes }, constants)
  return false
}

function reducesWidth({ inputs, attributes }: Pick<Node, 'inputs' | 'attributes'>, constants: Constants): boolean {
  // From opset 18 on, the axes are an input.
  const axes = attributes.get('axes')?.integers ?? integersOf(constants.get(inputs[1] ?? ''))
  return axes.length === 1 && LAST_AXES.includes(axes[0]!) && attributes.get('keepdims')?.integer !== 0
}

/** Returns the values of a list of 64-bit integers; none for any other tensor. */
export function integersOf(tensor: Tensor | undefined): number[] {
  const bytes = tensor?.read?.()
  return bytes && bytes.length % 8 === 0 ? Array.from(new BigInt64Array(Uint8Array.from(bytes).buffer), Number) : []
}

/** Returns whether the output of a node is known to be [batch, tokens, width]. */
export function makesTokens({ op, inputs, attributes }: Node, constants: Constants): boolean {
  if (MAKE_TOKENS.includes(op)) return true
  if (op === 'Transpose') return attributes.get('perm')?.integers.length === 3
  // The runtime's own Attention and QAttention multiply by a constant matrix first; ONNX's Attention may have four axes.
  if (op === 'Attention' || op === 'QAttention') return constants.get(inputs[1] ?? '')?.shape.length === 2
  return false
}
