import type { Matrix } from '../matrix/matrix.js'
import { type Method, topClasses, type Workshop } from './classifier.js'
import { logisticRegression } from './logistic-regression.js'
import { majority } from './majority.js'
import { nearestNeighbours } from './nearest-neighbours.js'
import { randomForest } from './random-forest.js'
import { pickSamples, type Samples } from './samples.js'
import { type Scores, type Spread, scoresOf, spreadOf } from './scores.js'
import { type Split, stratifiedFolds, stratifiedSplit } from './split.js'

/** In the order of reports. */
export const METHODS: readonly Method[] = [majority, logisticRegression, randomForest, nearestNeighbours]

export interface EvaluationPlan {
  /** Share of the samples to test with, in (0, 1). */
  testShare: number
  /** Parts of the cross-validation; 0: none. */
  folds: number
  seed: number
}

export interface MethodReport {
  method: string
  /** On the test part. */
  test: Scores
  /** Of each class for each sample of the test part, [n, classes]. */
  probabilities: Matrix
  /** Over the folds of a cross-validation with all samples; null: there was none. */
  folds: Record<'accuracy' | 'balancedAccuracy' | 'macroF1', Spread> | null
}

export interface Evaluation {
  split: Split
  reports: MethodReport[]
}

/**
 * Trains every method on one part of the samples and tests it on the other, then does so in turn with folds.
 * @param onStep trainings that are done, of all
 */
export async function evaluateMethods(
  samples: Samples,
  { testShare, folds, seed }: EvaluationPlan,
  workshop: Workshop,
  onStep: (done: number, total: number) => void = () => {},
): Promise<Evaluation> {
  const split = stratifiedSplit(samples, testShare, seed)
  const parts = folds > 0 ? stratifiedFolds(samples, folds, seed) : []
  const total = METHODS.length * (1 + parts.length)
  let done = 0
  const reports: MethodReport[] = []
  for (const method of METHODS) {
    const test = await testMethod(method, samples, split, workshop)
    onStep(++done, total)
    const ofFolds: Scores[] = []
    for (const part of parts) {
      ofFolds.push((await testMethod(method, samples, part, workshop)).scores)
      onStep(++done, total)
    }
    reports.push({
      method: method.name,
      test: test.scores,
      probabilities: test.probabilities,
      folds: ofFolds.length === 0 ? null : spreadsOf(ofFolds),
    })
  }
  return { split, reports }
}

/** Trains a method on one part, and scores its predictions for the other. */
export async function testMethod(
  method: Method,
  samples: Samples,
  { train, test }: Split,
  workshop: Workshop,
): Promise<{ scores: Scores; probabilities: Matrix }> {
  const classifier = await method.train(pickSamples(samples, train), workshop)
  const tested = pickSamples(samples, test)
  const probabilities = await classifier.probabilities(tested.vectors, workshop)
  return { scores: scoresOf(tested.classes, topClasses(probabilities), samples.classCount), probabilities }
}

function spreadsOf(scores: readonly Scores[]): NonNullable<MethodReport['folds']> {
  return {
    accuracy: spreadOf(scores.map(each => each.accuracy)),
    balancedAccuracy: spreadOf(scores.map(each => each.balancedAccuracy)),
    macroF1: spreadOf(scores.map(each => each.macroF1)),
  }
}

/** The method with the highest macro F1, of the cross-validation if there was one. */
export function bestMethod(reports: readonly MethodReport[]): MethodReport {
  const quality = ({ test, folds }: MethodReport): number => folds?.macroF1.mean ?? test.macroF1
  return reports.reduce((best, each) => (quality(each) > quality(best) ? each : best))
}

export interface Mistake {
  /** Place of the sample among all samples. */
  place: number
  predicted: number
  /** Probability of the predicted class. */
  probability: number
  /** Probability of the true class. */
  truthProbability: number
}

/** Wrong predictions on the test part, the surest first. */
export function mistakes({ classes }: Samples, { test }: Split, { probabilities }: MethodReport): Mistake[] {
  const top = topClasses(probabilities)
  const { columns, values } = probabilities
  return [...test]
    .map((place, i) => ({
      place,
      predicted: top[i]!,
      probability: values[i * columns + top[i]!]!,
      truthProbability: values[i * columns + classes[place]!]!,
    }))
    .filter(({ place, predicted }) => predicted !== classes[place])
    .sort((a, b) => b.probability - a.probability || a.place - b.place)
}
