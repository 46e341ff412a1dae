import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Matrix, matrix } from '../../../src/analysis/matrix/matrix.js'
import { Products } from '../../../src/analysis/matrix/products.js'
import { randomFrom } from '../../../src/analysis/random.js'
import { CollectionSpace } from '../../../src/analysis/teach/collection-space.js'
import { calibrate } from '../../../src/analysis/teach/platt.js'
import { teachProbe } from '../../../src/analysis/teach/teach-probe.js'

const DIMENSION = 16
let products: Products
beforeAll(async () => {
  products = await Products.open(1)
})
afterAll(() => products?.close())

/** Unit vectors around a common direction, as those of photos; `shown`: how strongly they show what is to be taught. */
function photos(count: number, shown: number, seed: number): Matrix {
  const random = randomFrom(seed)
  const vectors = matrix(count, DIMENSION)
  for (let i = 0; i < count; i++) {
    const row = vectors.values.subarray(i * DIMENSION, (i + 1) * DIMENSION)
    for (let j = 0; j < DIMENSION; j++) row[j] = 0.4 * (random() - 0.5) + (j === 0 ? 1 : 0) + (j === 1 ? shown : 0)
    const length = Math.hypot(...row)
    for (let j = 0; j < DIMENSION; j++) row[j]! /= length
  }
  return vectors
}

const probability = (
  vectors: Matrix,
  { weights, bias }: { weights: Float32Array; bias: number },
  i: number,
): number => {
  let sum = bias
  for (let j = 0; j < DIMENSION; j++) sum += weights[j]! * vectors.values[i * DIMENSION + j]!
  return 1 / (1 + Math.exp(-sum))
}

test('Ten examples of each kind teach what they have in common', async () => {
  const examples = { yes: photos(10, 0.6, 1), no: photos(10, 0, 2), others: photos(500, 0, 3) }
  const probe = await teachProbe(examples, { products, seed: 0 })
  const [unseenYes, unseenNo] = [photos(100, 0.6, 4), photos(100, 0, 5)]
  const positives = (vectors: Matrix) =>
    Array.from({ length: vectors.rows }, (_, i) => probability(vectors, probe, i)).filter(p => p > 0.5).length
  expect(positives(unseenYes)).toBeGreaterThan(95)
  expect(positives(unseenNo)).toBeLessThan(5)
  expect(probe.heldOut).toMatchObject({ rightYes: 10, rightNo: 10, missedYes: 0, wrongYes: 0 })
  expect(probe.shareOfOthers).toBeLessThan(0.05)
})

test('It is taught without any other photo, and with many examples of one kind', async () => {
  const probe = await teachProbe(
    { yes: photos(3, 0.8, 1), no: photos(40, 0, 2), others: matrix(0, DIMENSION) },
    { products, seed: 0 },
  )
  expect(probe.heldOut.rightYes + probe.heldOut.missedYes).toBe(3)
  expect(probe.heldOut.rightNo + probe.heldOut.wrongYes).toBe(40)
  expect(probe.shareOfOthers).toBe(0)
  expect(probability(photos(1, 0.8, 9), probe, 0)).toBeGreaterThan(0.5)
})

test('Examples that are the same photos of both kinds are refused', async () => {
  const same = photos(6, 0, 1)
  await expect(
    teachProbe({ yes: same, no: same, others: photos(50, 0, 2) }, { products, seed: 0 }),
  ).rejects.toMatchObject({ code: 'USAGE', message: expect.stringMatching(/look alike to the model/) })
})

test('A signal ends the teaching', async () => {
  const reason = new Error('enough')
  const examples = { yes: photos(10, 0.6, 1), no: photos(10, 0, 2), others: photos(50, 0, 3) }
  await expect(teachProbe(examples, { products, seed: 0, signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
})

test('A linear function of coordinates and of vectors is the same', async () => {
  const vectors = photos(200, 0, 7)
  const space = await CollectionSpace.of(vectors, products)
  const inside = space.enter(vectors)
  const lengths = inside.values.reduce((sum, value) => sum + value * value, 0) / 200
  expect(lengths).toBeCloseTo(1, 3)
  const weights = Float32Array.from({ length: DIMENSION }, (_, j) => Math.sin(j))
  const moved = space.leave(weights, 0.25)
  for (let i = 0; i < 20; i++)
    expect(probability(vectors, moved, i)).toBeCloseTo(probability(inside, { weights, bias: 0.25 }, i), 4)
})

test('A collection of equal photos has coordinates, too', async () => {
  const same = matrix(5, DIMENSION, new Float32Array(5 * DIMENSION).fill(0.25))
  const space = await CollectionSpace.of(same, products)
  expect([...space.enter(same).values].every(Number.isFinite)).toBe(true)
})

test('Calibrated scores are probabilities, and equal scores of both kinds give no slope', () => {
  const judged = (score: number, isYes: boolean, weight = 1) => ({ score, isYes, weight })
  const random = randomFrom(1)
  const scores = Array.from({ length: 4000 }, () => {
    const score = 6 * random() - 3
    return judged(score, random() < 1 / (1 + Math.exp(-(2 * score - 1))))
  })
  const { slope, offset } = calibrate(scores)
  expect(slope).toBeCloseTo(2, 0)
  expect(offset).toBeCloseTo(-1, 0)
  expect(calibrate([1, 2].flatMap(score => [judged(score, true), judged(score, false)])).slope).toBeCloseTo(0, 1)
  const apart = calibrate([judged(5, true), judged(6, true), judged(-5, false), judged(-6, false)])
  expect(apart.slope).toBeGreaterThan(0)
  expect(Number.isFinite(apart.slope + apart.offset)).toBe(true)
})
