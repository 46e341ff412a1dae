import { AppError } from '../../domain/errors.js'
import type { Workshop } from '../classify/classifier.js'
import { trainLogistic } from '../classify/logistic-regression.js'
import { stratifiedFolds } from '../classify/split.js'
import { breather } from '../event-loop.js'
import { type Matrix, matrix, pickRows } from '../matrix/matrix.js'
import { CollectionSpace } from './collection-space.js'
import { calibrate } from './platt.js'

/** Fewer cannot be held out in turn. */
export const LEAST_EXAMPLES = 3
const MOST_FOLDS = 10
/** Inverse strength of the penalty, in coordinates of the mean length 1. Chosen with the ones below: bench/teach. */
const C = 2
/** Photos drawn at random that count as weak examples of "no", and what they weigh together. */
const WEAK_NOS = 200
const WEAK_WEIGHT = 10

/** Vectors of unit length. */
export interface TeachingExamples {
  /** Photos with the label. [n, dimension] */
  yes: Matrix
  /** Photos without it. [n, dimension] */
  no: Matrix
  /** Other photos of the collection, drawn at random. [n, dimension] */
  others: Matrix
}

/** A linear probe: probability of the label = sigmoid(weights · vector + bias). */
export interface TaughtProbe {
  weights: Float32Array
  bias: number
  /** Predictions for examples that were held out in turn. */
  heldOut: { rightYes: number; missedYes: number; rightNo: number; wrongYes: number }
  /** Share of the other photos that get the label. */
  shareOfOthers: number
}

/**
 * Teaches a label from few examples: logistic regression with a strong penalty in the coordinates of the collection,
 * where photos drawn at random count as weak examples of "no", because most photos lack most labels. Platt scaling of
 * scores of held-out examples then turns scores into probabilities; there, both kinds of examples and the other photos
 * weigh the same, however many there are.
 * @throws AppError USAGE where the examples cannot be told apart
 */
export async function teachProbe({ yes, no, others }: TeachingExamples, workshop: Workshop): Promise<TaughtProbe> {
  const space = await CollectionSpace.of(stacked(others, yes, no), workshop.products)
  const all = { yes: space.enter(yes), no: space.enter(no) }
  const weakCount = Math.min(WEAK_NOS, Math.ceil(others.rows / 2))
  const inSpace = space.enter(others)
  const weak = pickRows(inSpace, range(0, weakCount))
  const rest = pickRows(inSpace, range(weakCount, others.rows))

  const scores = await heldOutScores({ ...all, weak, rest }, workshop)
  const calibration = calibrate(judged(scores))
  if (!(calibration.slope > 0))
    throw new AppError(
      'USAGE',
      'The examples of --yes and of --no look alike to the model: what it learns from some of them is wrong for the others. Check the lists, add examples, or name another model: --model NAME',
    )
  const score = await train(all.yes, all.no, weak, workshop)
  const { slope, offset } = calibration
  const { weights, bias } = space.leave(
    score.weights.map(value => value * slope),
    slope * score.bias + offset,
  )
  const isYes = (each: number): boolean => slope * each + offset > 0
  const rightYes = scores.yes.filter(isYes).length
  const wrongYes = scores.no.filter(isYes).length
  return {
    weights,
    bias,
    heldOut: { rightYes, missedYes: yes.rows - rightYes, rightNo: no.rows - wrongYes, wrongYes },
    shareOfOthers: others.rows === 0 ? 0 : shareAbove(others, weights, bias),
  }
}

interface Coordinates {
  yes: Matrix
  no: Matrix
  weak: Matrix
  /** Other photos that nothing is trained with. */
  rest: Matrix
}

interface HeldOut {
  yes: number[]
  no: number[]
  rest: number[]
}

/** Scores of each example by a probe that was trained without it, and mean scores of the rest. */
async function heldOutScores({ yes, no, weak, rest }: Coordinates, workshop: Workshop): Promise<HeldOut> {
  const classes = Int32Array.from({ length: yes.rows + no.rows }, (_, i) => (i < yes.rows ? 1 : 0))
  const folds = Math.min(MOST_FOLDS, yes.rows, no.rows)
  const scores: HeldOut = { yes: [], no: [], rest: new Array<number>(rest.rows).fill(0) }
  const breath = breather(workshop.signal)
  for (const { train: known, test } of stratifiedFolds({ classes, classCount: 2 }, folds, workshop.seed)) {
    await breath()
    const parts = (places: Int32Array) => ({
      yes: pickRows(
        yes,
        places.filter(place => place < yes.rows),
      ),
      no: pickRows(
        no,
        places.filter(place => place >= yes.rows).map(place => place - yes.rows),
      ),
    })
    const kept = parts(known)
    const held = parts(test)
    const probe = await train(kept.yes, kept.no, weak, workshop)
    scores.yes.push(...scoresBy(probe, held.yes))
    scores.no.push(...scoresBy(probe, held.no))
    scoresBy(probe, rest).forEach((score, i) => {
      scores.rest[i]! += score / folds
    })
  }
  return scores
}

interface LinearScore {
  weights: Float32Array
  bias: number
}

async function train(yes: Matrix, no: Matrix, weak: Matrix, workshop: Workshop): Promise<LinearScore> {
  const vectors = stacked(yes, no, weak)
  const classes = new Int32Array(vectors.rows).fill(1, 0, yes.rows)
  const sampleWeights = new Float64Array(vectors.rows).fill(1)
  sampleWeights.fill(Math.sqrt(Math.max(1, no.rows / yes.rows)), 0, yes.rows)
  sampleWeights.fill(WEAK_WEIGHT / weak.rows, yes.rows + no.rows)
  const probe = await trainLogistic({ vectors, classes, classCount: 2 }, workshop, { c: C, sampleWeights })
  return { weights: probe.weights.values, bias: probe.biases[0]! }
}

function judged({ yes, no, rest }: HeldOut): Parameters<typeof calibrate>[0] {
  const each = (scores: readonly number[], isYes: boolean, weight: number) =>
    scores.map(score => ({ score, isYes, weight }))
  return [
    ...each(yes, true, 1),
    ...each(no, false, Math.min(1, yes.length / no.length)),
    ...each(rest, false, yes.length / rest.length),
  ]
}

function scoresBy({ weights, bias }: LinearScore, { rows, columns, values }: Matrix): number[] {
  return Array.from({ length: rows }, (_, i) => {
    let sum = bias
    for (let j = 0; j < columns; j++) sum += weights[j]! * values[i * columns + j]!
    return sum
  })
}

function shareAbove(vectors: Matrix, weights: Float32Array, bias: number): number {
  return scoresBy({ weights, bias }, vectors).filter(score => score > 0).length / vectors.rows
}

function stacked(...parts: readonly Matrix[]): Matrix {
  const whole = matrix(
    parts.reduce((sum, { rows }) => sum + rows, 0),
    parts[0]!.columns,
  )
  let at = 0
  for (const { values } of parts) {
    whole.values.set(values, at)
    at += values.length
  }
  return whole
}

const range = (first: number, end: number): number[] => Array.from({ length: end - first }, (_, i) => first + i)
