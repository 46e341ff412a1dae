import type { ModelGraph, Node, Tensor } from '../../graph/model-file.js'
import { FLOAT } from '../../graph/model-file.js'
import { floatsOf, type Links, onlyReader } from './links.js'

/** A product of each token with a constant matrix, and the bias behind it. */
export interface Linear {
  readonly product: Node
  /** The Add of the bias; absent: no bias, or one within the product. */
  readonly sum?: Node
  readonly input: string
  readonly output: string
  readonly from: number
  readonly to: number
  /** [from, to]; of a transposed one [to, from]. */
  readonly weight: Tensor
  readonly isTransposed: boolean
  /** [to] */
  readonly bias?: Tensor
}

/** Returns every such product of a graph in 32 bits, in the order of its nodes. */
export function findLinears({ nodes }: Pick<ModelGraph, 'nodes'>, links: Links): Linear[] {
  return nodes.flatMap(node => (node.op === 'MatMul' ? ofMatMul(node, links) : ofGemm(node, links)) ?? [])
}

function ofMatMul(product: Node, links: Links): Linear | undefined {
  const [input, matrix] = product.inputs as [string, string]
  const weight = links.constants.get(matrix)
  if (!isMatrix(weight) || links.constants.has(input)) return undefined
  const [from, to] = weight.shape as [number, number]
  const found = { product, input, from, to, weight, isTransposed: false }
  const [result] = product.outputs as [string]
  const sum = onlyReader(result, links)
  const name = sum?.op === 'Add' ? sum.inputs.find(input => input !== result) : undefined
  const bias = links.constants.get(name ?? '')
  return sum && isVector(bias, to) ? { ...found, sum, bias, output: sum.outputs[0]! } : { ...found, output: result }
}

function ofGemm(product: Node, { constants }: Links): Linear | undefined {
  const { op, inputs, outputs, attributes } = product
  const [input, matrix, added] = inputs as [string, string, string?]
  const weight = constants.get(matrix)
  const isScaled = ['alpha', 'beta', 'transA'].some(name => attributes.get(name) && !isNeutral(name, attributes))
  if (op !== 'Gemm' || !isMatrix(weight) || constants.has(input) || isScaled) return undefined
  const isTransposed = attributes.get('transB')?.integer === 1
  const [from, to] = (isTransposed ? weight.shape.toReversed() : weight.shape) as [number, number]
  const found = { product, input, from, to, weight, isTransposed, output: outputs[0]! }
  if (!added) return found
  const bias = constants.get(added)
  return isVector(bias, to) ? { ...found, bias } : undefined
}

/** alpha and beta are 1 unless given; transA is 0. */
function isNeutral(name: string, attributes: Node['attributes']): boolean {
  const { integer, float } = attributes.get(name)!
  return name === 'transA' ? integer === 0 : float === 1
}

function isMatrix(tensor: Tensor | undefined): tensor is Tensor {
  return tensor?.type === FLOAT && tensor.shape.length === 2
}

function isVector(tensor: Tensor | undefined, size: number): tensor is Tensor {
  return tensor?.type === FLOAT && tensor.shape.length === 1 && tensor.shape[0] === size
}

/** Returns a copy of the matrix, [from, to]. @throws RangeError when it cannot be read */
export function matrixOf({ weight, from, to, isTransposed }: Linear): Float32Array {
  const values = readable(weight)
  if (!isTransposed) return values
  const turned = new Float32Array(values.length)
  for (let row = 0; row < from; row++)
    for (let column = 0; column < to; column++) turned[row * to + column] = values[column * from + row]!
  return turned
}

/** Returns a copy of the bias, [to]. */
export function biasOf({ bias }: Linear): Float32Array | undefined {
  return bias && readable(bias)
}

export function readable(tensor: Tensor): Float32Array {
  const values = floatsOf(tensor)
  if (!values) throw new RangeError(`the values of ${tensor.name} cannot be read`)
  return values
}
