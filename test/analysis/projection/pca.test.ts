import { afterAll, beforeAll, expect, test } from 'vitest'
import { matrix } from '../../../src/analysis/matrix/matrix.js'
import { Products } from '../../../src/analysis/matrix/products.js'
import { pca, projectRows } from '../../../src/analysis/projection/pca.js'
import { largestEigen } from '../../../src/analysis/projection/symmetric-eigen.js'
import { randomFrom } from '../../../src/analysis/random.js'
import { blobs } from '../blobs.js'

let products: Products
beforeAll(async () => {
  products = await Products.open(1)
})
afterAll(() => products.close())

test.each([
  [3, 3],
  [60, 60],
  [200, 5],
  [200, 100],
])('the largest eigenvalues of a symmetric matrix of %i: %i of them', (d, count) => {
  const random = randomFrom(d)
  const a = Float64Array.from({ length: d * d }, () => random() - 0.5)
  const symmetric = new Float64Array(d * d)
  for (let i = 0; i < d; i++)
    for (let j = 0; j < d; j++) for (let k = 0; k < d; k++) symmetric[i * d + j]! += a[i * d + k]! * a[j * d + k]!
  const { values, vectors } = largestEigen(symmetric, d, count)
  expect([...values]).toEqual([...values].sort((x, y) => y - x))
  for (let v = 0; v < count; v++) {
    const vector = vectors.subarray(v * d, (v + 1) * d)
    expect(Math.hypot(...vector)).toBeCloseTo(1, 9)
    for (let i = 0; i < d; i++) {
      let sum = 0
      for (let j = 0; j < d; j++) sum += symmetric[i * d + j]! * vector[j]!
      expect(Math.abs(sum - values[v]! * vector[i]!)).toBeLessThan(1e-9 * values[0]!)
    }
  }
})

test('a matrix of lower rank, and one of zeros, have eigenvectors too', () => {
  const one = Float64Array.of(1, 1, 0, 1, 1, 0, 0, 0, 0)
  const { values, vectors } = largestEigen(one, 3, 3)
  expect(values[0]).toBeCloseTo(2)
  expect(values[1]).toBeCloseTo(0)
  expect(Math.abs(vectors[0]!)).toBeCloseTo(Math.SQRT1_2)
  expect([...largestEigen(new Float64Array(9), 3, 2).values]).toEqual([0, 0])
})

test('components point along the largest variance, and explain it', async () => {
  const random = randomFrom(3)
  const data = matrix(5000, 3)
  for (let i = 0; i < 5000; i++) data.values.set([1 + 4 * (random() - 0.5), 2 + (random() - 0.5), 3], 3 * i)
  const found = await pca(products, data, 2)
  expect(found.components.values[0]).toBeCloseTo(1, 2)
  expect(found.components.values[4]).toBeCloseTo(1, 2)
  expect(found.variance[0]).toBeCloseTo(16 / 12, 1)
  expect(found.explained[0]! + found.explained[1]!).toBeCloseTo(1, 5)
  const { values } = await projectRows(products, data, found)
  const means = [0, 1].map(c => values.filter((_, at) => at % 2 === c).reduce((sum, value) => sum + value, 0) / 5000)
  expect(means[0]).toBeCloseTo(0, 3)
  expect(means[1]).toBeCloseTo(0, 3)
})

test('as many components as columns keep all distances', async () => {
  const data = blobs(50, 6, 2, 1)
  const found = await projectRows(products, data, await pca(products, data, 6))
  const distance = (of: Float32Array, a: number, b: number) =>
    Math.hypot(...Array.from({ length: 6 }, (_, j) => of[a * 6 + j]! - of[b * 6 + j]!))
  for (const [a, b] of [
    [0, 1],
    [7, 40],
  ] as const)
    expect(distance(found.values, a, b)).toBeCloseTo(distance(data.values, a, b), 4)
})
