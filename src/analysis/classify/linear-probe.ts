import { type Matrix, matrix } from '../matrix/matrix.js'
import type { Classifier, Workshop } from './classifier.js'

/**
 * A linear classifier: logits = vectors · weightsᵀ + biases. Of two classes only the second has a logit, and its
 * probability is the sigmoid.
 */
export class LinearProbe implements Classifier {
  /**
   * @param weights [classes, dimension]; of two classes [1, dimension]
   * @param biases [classes]; of two classes [1]
   */
  constructor(
    readonly weights: Matrix,
    readonly biases: Float64Array,
  ) {}

  async probabilities(vectors: Matrix, { products, signal }: Workshop): Promise<Matrix> {
    const logits = await products.ofRows(vectors, this.weights, { bias: Float32Array.from(this.biases), signal })
    return this.biases.length === 1 ? sigmoids(logits) : softmaxRows(logits)
  }

  /**
   * Weights and bias of each class for a softmax: of two classes, half of the logit for one and against the other.
   * Where nothing was learnt, weights have no direction, and get one that changes no logit.
   */
  ofClasses(): { weights: Float32Array[]; biases: number[] } {
    const { columns, values } = this.weights
    const weights = Array.from(this.biases, (_, k) => withDirection(values.slice(k * columns, (k + 1) * columns)))
    if (this.biases.length > 1) return { weights, biases: [...this.biases] }
    const half = weights[0]!.map(value => value / 2)
    return { weights: [half.map(value => -value), half], biases: [-this.biases[0]! / 2, this.biases[0]! / 2] }
  }
}

const LEAST_LENGTH = 1e-5

function withDirection(weights: Float32Array): Float32Array {
  if (Math.hypot(...weights) < LEAST_LENGTH) weights[0] = LEAST_LENGTH
  return weights
}

function sigmoids({ rows, values }: Matrix): Matrix {
  const both = matrix(rows, 2)
  for (let i = 0; i < rows; i++) {
    const second = 1 / (1 + Math.exp(-values[i]!))
    both.values[2 * i] = 1 - second
    both.values[2 * i + 1] = second
  }
  return both
}

/** In place. */
export function softmaxRows(logits: Matrix): Matrix {
  const { rows, columns, values } = logits
  for (let i = 0; i < rows; i++) {
    const row = values.subarray(i * columns, (i + 1) * columns)
    const top = row.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY)
    let total = 0
    for (let k = 0; k < columns; k++) {
      row[k] = Math.exp(row[k]! - top)
      total += row[k]!
    }
    for (let k = 0; k < columns; k++) row[k]! /= total
  }
  return logits
}
