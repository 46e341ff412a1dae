import { FLOAT, INT8, type ModelGraph, type Node } from '../../graph/model-file.js'
import type { Matrix } from './matrices.js'
import { addBytes, addFloats, node } from './nodes.js'
import { roundColumns } from './round-columns.js'

/** A product of a value with a matrix. */
export interface Product {
  readonly input: string
  readonly output: string
  readonly matrix: Matrix
  /** [matrix.columns] */
  readonly bias?: Float32Array
}

/** Products of a graph, in 8 bits and in floating point. An input is rounded once for all products that read it. */
export class Products {
  readonly #rounded = new Set<string>()

  constructor(private readonly graph: ModelGraph) {}

  /**
   * Rounds the input to unsigned bytes, with the range of the call, and the matrix to signed ones, with a scale per
   * column. The runtime fuses these nodes into DynamicQuantizeMatMul, or MatMulIntegerToFloat where several products
   * share an input.
   */
  inBytes({ input, output, matrix, bias }: Product): Node[] {
    const { bytes, scales } = roundColumns(matrix)
    const [levels, scale, zero] = ['levels', 'scale', 'zero'].map(part => `${input}:int8:${part}`) as [
      string,
      string,
      string,
    ]
    const own = (part: string) => `${output}:int8:${part}`
    const round = this.#rounded.has(input) ? [] : [node('DynamicQuantizeLinear', [input], [levels, scale, zero])]
    this.#rounded.add(input)
    const weights = addBytes(this.graph, own('weights'), INT8, bytes, [matrix.rows, matrix.columns])
    const steps = addFloats(this.graph, own('steps'), scales, [matrix.columns])
    const result = bias ? own('product') : output
    return [
      ...round,
      node('MatMulInteger', [levels, weights, zero], own('sums')),
      node('Cast', [own('sums')], own('floats'), { to: FLOAT }),
      node('Mul', [scale, steps], own('scales')),
      node('Mul', [own('floats'), own('scales')], result),
      ...this.#plus(result, output, bias),
    ]
  }

  inFloats({ input, output, matrix, bias }: Product): Node[] {
    const weights = addFloats(this.graph, `${output}:float:weights`, matrix.values, [matrix.rows, matrix.columns])
    const result = bias ? `${output}:float:product` : output
    return [node('MatMul', [input, weights], result), ...this.#plus(result, output, bias)]
  }

  #plus(result: string, output: string, bias: Float32Array | undefined): Node[] {
    return bias ? [node('Add', [result, addFloats(this.graph, `${output}:bias`, bias, [bias.length])], output)] : []
  }
}
