import { breather } from '../event-loop.js'
import { type Matrix, matrix } from '../matrix/matrix.js'
import type { Method, Workshop } from './classifier.js'
import { type Evaluation, minimise } from './lbfgs.js'
import { LinearProbe } from './linear-probe.js'
import type { Samples } from './samples.js'

export interface LogisticOptions {
  /**
   * Inverse strength of the L2 penalty: the sum of the losses of C photos weighs as much as half the squared weights.
   */
  c?: number
  /** Weight of each sample in the loss. [n] Default: 1. */
  sampleWeights?: Float64Array
  maxIterations?: number
}

/** As scikit-learn's LogisticRegression, but for the tolerance, which is a tenth of its own. */
const DEFAULTS = { c: 1, maxIterations: 1000 }
const TOLERANCE = 1e-5

/** Multinomial logistic regression with an L2 penalty on the weights, not on the biases. Two classes have one logit. */
export async function trainLogistic(
  samples: Samples,
  workshop: Workshop,
  { c = DEFAULTS.c, sampleWeights, maxIterations = DEFAULTS.maxIterations }: LogisticOptions = {},
): Promise<LinearProbe> {
  const { vectors, classCount } = samples
  const logits = classCount === 2 ? 1 : classCount
  const weights = sampleWeights ?? new Float64Array(vectors.rows).fill(1)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const penalty = 1 / (c * total)
  const breath = breather(workshop.signal)
  const evaluate = async (point: Float64Array): Promise<Evaluation> => {
    await breath()
    const probe = probeOf(point, logits, vectors.columns)
    const loss = await lossOf(probe, samples, weights, workshop)
    return {
      value: loss.value / total + addPenalty(loss.gradient, point, penalty, total, logits),
      gradient: loss.gradient,
    }
  }
  const start = new Float64Array(logits * (vectors.columns + 1))
  return probeOf(await minimise(evaluate, start, { tolerance: TOLERANCE, maxIterations }), logits, vectors.columns)
}

export const logisticRegression: Method = {
  name: 'logistic regression',
  train: (samples, workshop) => trainLogistic(samples, workshop),
}

/** @param point [logits × dimension weights, then logits biases] */
function probeOf(point: Float64Array, logits: number, dimension: number): LinearProbe {
  const weights = Float32Array.from(point.subarray(0, logits * dimension))
  return new LinearProbe(matrix(logits, dimension, weights), point.slice(logits * dimension))
}

/** The loss summed over the samples, and its gradient in the form of a point. */
async function lossOf(
  { weights, biases }: LinearProbe,
  samples: Samples,
  sampleWeights: Float64Array,
  { products, signal }: Workshop,
): Promise<Evaluation> {
  const { vectors } = samples
  const logits = biases.length
  const scores = await products.ofRows(vectors, weights, { bias: Float32Array.from(biases), signal })
  const value = logits === 1 ? binomial(scores, samples, sampleWeights) : multinomial(scores, samples, sampleWeights)
  const residuals = scores
  const gradient = new Float64Array(logits * (vectors.columns + 1))
  // [logits, dimension]: with the wide matrix second the product is faster.
  gradient.set(await products.ofColumns(residuals, vectors, { signal }))
  for (let i = 0; i < vectors.rows; i++)
    for (let k = 0; k < logits; k++) gradient[logits * vectors.columns + k]! += residuals.values[i * logits + k]!
  return { value, gradient }
}

/** Replaces logits by residuals: weight × (probability − truth). Returns the loss. */
function binomial({ values }: Matrix, { classes }: Samples, weights: Float64Array): number {
  let loss = 0
  for (let i = 0; i < classes.length; i++) {
    const logit = values[i]!
    const truth = classes[i]!
    // log(1 + e^z), without overflow.
    loss += weights[i]! * (Math.max(logit, 0) + Math.log1p(Math.exp(-Math.abs(logit))) - truth * logit)
    values[i] = weights[i]! * (1 / (1 + Math.exp(-logit)) - truth)
  }
  return loss
}

/** As {@link binomial}, for the softmax. */
function multinomial({ columns, values }: Matrix, { classes }: Samples, weights: Float64Array): number {
  let loss = 0
  for (let i = 0, at = 0; i < classes.length; i++, at += columns) {
    const own = at + classes[i]!
    let top = values[at]!
    for (let k = 1; k < columns; k++) if (values[at + k]! > top) top = values[at + k]!
    const truth = values[own]! - top
    let total = 0
    for (let k = at; k < at + columns; k++) {
      const share = Math.exp(values[k]! - top)
      values[k] = share
      total += share
    }
    const weight = weights[i]!
    loss += weight * (Math.log(total) - truth)
    for (let k = at; k < at + columns; k++) values[k]! *= weight / total
    values[own]! -= weight
  }
  return loss
}

/** Scales the gradient to the mean loss and adds that of the penalty. Returns the penalty. */
function addPenalty(
  gradient: Float64Array,
  point: Float64Array,
  penalty: number,
  total: number,
  logits: number,
): number {
  let squares = 0
  for (let i = 0; i < gradient.length; i++) {
    gradient[i]! /= total
    if (i >= gradient.length - logits) continue
    squares += point[i]! * point[i]!
    gradient[i]! += penalty * point[i]!
  }
  return (penalty * squares) / 2
}
