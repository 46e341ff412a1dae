import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { topClasses, type Workshop } from '../../../src/analysis/classify/classifier.js'
import { bestMethod, evaluateMethods, METHODS, mistakes } from '../../../src/analysis/classify/evaluate.js'
import { trainLogistic } from '../../../src/analysis/classify/logistic-regression.js'
import { nearestNeighbours } from '../../../src/analysis/classify/nearest-neighbours.js'
import { randomForest } from '../../../src/analysis/classify/random-forest.js'
import { pickSamples, type Samples } from '../../../src/analysis/classify/samples.js'
import { matrix } from '../../../src/analysis/matrix/matrix.js'
import { Products } from '../../../src/analysis/matrix/products.js'
import { randomFrom } from '../../../src/analysis/random.js'

let products: Products
let workshop: Workshop
beforeAll(async () => {
  products = await Products.open(1)
  workshop = { products, seed: 1 }
})
afterAll(() => products?.close())

/** Points around one centre per class; the wider, the more they overlap. */
function clouds(classCount: number, each: number, width: number, dimension = 8): Samples {
  const random = randomFrom(classCount)
  const vectors = matrix(classCount * each, dimension)
  const classes = Int32Array.from({ length: vectors.rows }, (_, i) => i % classCount)
  for (let i = 0; i < vectors.rows; i++)
    for (let j = 0; j < dimension; j++)
      vectors.values[i * dimension + j] = (j === classes[i] ? 1 : 0) + width * (random() - 0.5)
  return { vectors, classes, classCount }
}

test('Every classifier but the baseline tells clouds apart that lie apart', async () => {
  const samples = clouds(3, 40, 0.4)
  const { reports } = await evaluateMethods(samples, { testShare: 0.25, folds: 4, seed: 2 }, workshop)
  expect(reports.map(({ method }) => method)).toEqual(METHODS.map(({ name }) => name))
  expect(reports.map(({ test: { accuracy } }) => accuracy)).toEqual([expect.closeTo(1 / 3, 1), 1, 1, 1])
  for (const { folds } of reports.slice(1)) expect(folds!.accuracy).toEqual({ mean: 1, deviation: 0 })
  expect(bestMethod(reports).method).not.toBe('majority baseline')
})

test('Probabilities of a vector add up to 1, and none is negative', async () => {
  const samples = clouds(4, 20, 2)
  for (const method of METHODS) {
    const { values, rows, columns } = await (await method.train(samples, workshop)).probabilities(
      samples.vectors,
      workshop,
    )
    expect([rows, columns]).toEqual([80, 4])
    for (let i = 0; i < rows; i++) {
      const row = values.subarray(i * columns, (i + 1) * columns)
      expect(Math.min(...row)).toBeGreaterThanOrEqual(0)
      expect(row.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 5)
    }
  }
})

test('The same seed gives the same predictions, another one another forest', async () => {
  const samples = clouds(3, 30, 2.5)
  const grown = async (seed: number) =>
    (await (await randomForest.train(samples, { products, seed })).probabilities(samples.vectors, workshop)).values
  expect(await grown(5)).toEqual(await grown(5))
  expect(await grown(5)).not.toEqual(await grown(6))
})

test('Logistic regression ends where the gradient of its objective is zero', async () => {
  for (const classCount of [2, 3]) {
    const samples = clouds(classCount, 30, 3)
    const { weights, biases } = await trainLogistic(samples, workshop, { c: 0.7 })
    const objective = (w: Float64Array): number => {
      let sum = 0
      const logits = biases.length
      for (let i = 0; i < samples.vectors.rows; i++) {
        const z = Array.from({ length: logits }, (_, k) => {
          let dot = w[logits * 8 + k]!
          for (let j = 0; j < 8; j++) dot += w[k * 8 + j]! * samples.vectors.values[i * 8 + j]!
          return dot
        })
        const all = logits === 1 ? [0, z[0]!] : z
        sum += Math.log(all.reduce((total, each) => total + Math.exp(each), 0)) - all[samples.classes[i]!]!
      }
      return sum + w.subarray(0, logits * 8).reduce((squares, each) => squares + each * each, 0) / (2 * 0.7)
    }
    const found = Float64Array.from([...weights.values, ...biases])
    const least = objective(found)
    for (let at = 0; at < found.length; at++)
      for (const step of [-0.01, 0.01]) {
        const moved = found.slice()
        moved[at]! += step
        expect(objective(moved)).toBeGreaterThan(least)
      }
  }
})

test('A probe of two classes is the same as a softmax of two', async () => {
  const samples = clouds(2, 30, 2)
  const probe = await trainLogistic(samples, workshop)
  const { weights, biases } = probe.ofClasses()
  const expected = await probe.probabilities(samples.vectors, workshop)
  for (let i = 0; i < samples.vectors.rows; i++) {
    const logits = weights.map((each, k) =>
      each.reduce((sum, w, j) => sum + w * samples.vectors.values[i * 8 + j]!, biases[k]!),
    )
    expect(1 / (1 + Math.exp(logits[0]! - logits[1]!))).toBeCloseTo(expected.values[2 * i + 1]!, 5)
  }
})

test('The nearest neighbours are those with the largest dot products, the first of equal ones', async () => {
  const vectors = matrix(7, 2, Float32Array.of(1, 0, 0.8, 0.6, 0.6, 0.8, 0, 1, 0.6, 0.8, -1, 0, 0, -1))
  const known = { vectors, classes: Int32Array.of(0, 0, 1, 1, 2, 2, 2), classCount: 3 }
  const classifier = await nearestNeighbours.train(known, workshop)
  const { values } = await classifier.probabilities(matrix(1, 2, Float32Array.of(0, 1)), workshop)
  expect([...values]).toEqual([0.4, 0.4, 0.2].map(share => expect.closeTo(share, 6)))
})

test('The surest mistakes come first', async () => {
  const samples = clouds(2, 60, 3.5)
  const evaluation = await evaluateMethods(samples, { testShare: 0.5, folds: 0, seed: 0 }, workshop)
  const report = evaluation.reports[1]!
  expect(report.folds).toBeNull()
  const wrong = mistakes(samples, evaluation.split, report)
  const tested = pickSamples(samples, evaluation.split.test)
  const top = topClasses(report.probabilities)
  expect(wrong).toHaveLength(tested.classes.filter((each, i) => each !== top[i]).length)
  expect(wrong.length).toBeGreaterThan(3)
  const sureness = wrong.map(({ probability }) => probability)
  expect(sureness).toEqual([...sureness].sort((a, b) => b - a))
  for (const each of wrong) expect(each.probability + each.truthProbability).toBeCloseTo(1, 5)
})

describe('A signal ends', () => {
  test.each(METHODS.slice(1, 3).map(method => [method.name, method] as const))('%s', async (_, method) => {
    const reason = new Error('enough')
    const signal = AbortSignal.abort(reason)
    await expect(method.train(clouds(3, 20, 1), { products, seed: 0, signal })).rejects.toBe(reason)
  })
})
