import { afterAll, beforeAll, expect, test } from 'vitest'
import { columnMeans, type Matrix, matrix, pickRows, squaredNorms } from '../../../src/analysis/matrix/matrix.js'
import { Products } from '../../../src/analysis/matrix/products.js'
import { randomFrom } from '../../../src/analysis/random.js'

let products: Products
beforeAll(async () => {
  products = await Products.open(1)
})
afterAll(() => products.close())

function randomMatrix(rows: number, columns: number, seed: number): Matrix {
  const random = randomFrom(seed)
  return matrix(
    rows,
    columns,
    Float32Array.from({ length: rows * columns }, () => random() - 0.5),
  )
}

const dot = (a: Matrix, i: number, b: Matrix, j: number) => {
  let sum = 0
  for (let c = 0; c < a.columns; c++) sum += a.values[i * a.columns + c]! * b.values[j * b.columns + c]!
  return sum
}

test('The product of rows is that of the definition, over several blocks, with a bias', async () => {
  const a = randomMatrix(9000, 7, 1)
  const b = randomMatrix(5, 7, 2)
  const bias = Float32Array.of(1, 2, 3, 4, 5)
  const whole = await products.ofRows(a, b, { bias })
  expect([whole.rows, whole.columns]).toEqual([9000, 5])
  for (const i of [0, 1, 8191, 8192, 8999])
    for (let j = 0; j < 5; j++) expect(whole.values[i * 5 + j]).toBeCloseTo(dot(a, i, b, j) + bias[j]!, 5)
})

test('The product of columns is that of the definition, over several blocks', async () => {
  const a = randomMatrix(9000, 3, 3)
  const b = randomMatrix(9000, 4, 4)
  const sums = await products.ofColumns(a, b)
  for (let i = 0; i < 3; i++)
    for (let j = 0; j < 4; j++) {
      let expected = 0
      for (let r = 0; r < 9000; r++) expected += a.values[r * 3 + i]! * b.values[r * 4 + j]!
      expect(sums[i * 4 + j]).toBeCloseTo(expected, 3)
    }
})

test('A signal ends a product between blocks', async () => {
  const a = randomMatrix(20_000, 4, 5)
  const controller = new AbortController()
  const blocks: number[] = []
  const work = products.byRows(
    a,
    randomMatrix(2, 4, 6),
    (_, first) => {
      blocks.push(first)
      controller.abort(new Error('stopped'))
    },
    { signal: controller.signal },
  )
  await expect(work).rejects.toThrow('stopped')
  expect(blocks).toEqual([0])
})

test('Rows are picked, norms and means computed', () => {
  const of = matrix(3, 2, Float32Array.of(1, 2, 3, 4, 5, 6))
  expect([...pickRows(of, [2, 0]).values]).toEqual([5, 6, 1, 2])
  expect([...squaredNorms(of)]).toEqual([5, 25, 61])
  expect([...columnMeans(of)]).toEqual([3, 4])
  expect(() => matrix(2, 2, new Float32Array(3))).toThrow('expected 2 x 2 values, found 3')
})

test.each([4, 7])('Moments of %i columns about a point are those of the definition', async d => {
  const a = randomMatrix(9000, d, 5)
  const point = Float32Array.from({ length: d }, (_, j) => j / 10)
  const { sums, products: found } = await products.moments(a, point)
  const moved = matrix(
    9000,
    d,
    Float32Array.from(a.values, (value, at) => value - point[at % d]!),
  )
  const wanted = await products.ofColumns(moved, moved)
  for (let j = 0; j < d; j++) {
    expect(sums[j]! / 9000).toBeCloseTo(columnMeans(moved)[j]!, 5)
    for (let i = 0; i < d; i++) expect(found[i * d + j]! / 9000).toBeCloseTo(wanted[i * d + j]! / 9000, 5)
  }
})
