import type { Matrix } from '../matrix/matrix.js'
import type { Products } from '../matrix/products.js'
import type { Samples } from './samples.js'

/** What training and prediction need. */
export interface Workshop {
  products: Products
  /** Of random choices: the same seed gives the same classifier. */
  seed: number
  /** Ends the work with its reason. */
  signal?: AbortSignal
}

/** A trained classifier. */
export interface Classifier {
  /** Probability of each class for each vector, [n, classes]; each row adds up to 1. */
  probabilities(vectors: Matrix, workshop: Workshop): Promise<Matrix>
}

export interface Method {
  name: string
  train(samples: Samples, workshop: Workshop): Promise<Classifier>
}

/** The class with the greatest probability, the first of equal ones. [n] */
export function topClasses({ rows, columns, values }: Matrix): Int32Array {
  const top = new Int32Array(rows)
  for (let i = 0; i < rows; i++)
    for (let k = 1; k < columns; k++) if (values[i * columns + k]! > values[i * columns + top[i]!]!) top[i] = k
  return top
}
