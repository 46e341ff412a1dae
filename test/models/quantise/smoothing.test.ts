import { describe, expect, test } from 'vitest'
import type { Neurons } from '../../../src/models/quantise/recipe/activation.js'
import { splitNeurons } from '../../../src/models/quantise/recipe/apart.js'
import { smoothing } from '../../../src/models/quantise/recipe/factors.js'
import type { Matrix } from '../../../src/models/quantise/recipe/matrices.js'
import { roundColumns } from '../../../src/models/quantise/recipe/round-columns.js'

const matrix = (rows: number[][]): Matrix => ({
  values: Float32Array.from(rows.flat()),
  rows: rows.length,
  columns: rows[0]!.length,
})

const range = (highest: number[], lowest: number[]) => ({
  highest: Float32Array.from(highest),
  lowest: Float32Array.from(lowest),
})

describe('smoothing', () => {
  const alike = matrix([
    [1, -1],
    [1, -1],
    [1, -1],
  ])

  test('moves a range that lies far from zero to the middle, to a 32nd of its half', () => {
    const { shifts } = smoothing(range([101, 1, 0], [99, -1, 0]), [alike])
    expect([...shifts]).toEqual([100, 0, 0])
  })

  test('divides a wide channel by more than a narrow one: by the square root of their ratio', () => {
    const { factors } = smoothing(range([64, 4, 1], [-64, -4, -1]), [alike])
    expect(factors[0]! / factors[1]!).toBeCloseTo(4, 9)
    expect(factors[1]! / factors[2]!).toBeCloseTo(2, 9)
  })

  test('divides a channel by less whose weights are already high', () => {
    const weights = matrix([
      [1, -1],
      [0.25, -0.25],
    ])
    const { factors } = smoothing(range([1, 1], [-1, -1]), [weights])
    expect(factors[1]! / factors[0]!).toBeCloseTo(2, 9)
  })

  test('gives the same when another CPU rounds the ranges otherwise', () => {
    const [high, low] = [
      [3.1, 700, 0.02],
      [-2.9, 650, -0.01],
    ]
    const near = (values: number[]) => values.map(value => value * (1 + 1e-6))
    const wanted = smoothing(range(high, low), [alike])
    expect(smoothing(range(near(high), near(low)), [alike])).toEqual(wanted)
  })

  test('leaves channels alone that are always zero', () => {
    const { shifts, factors } = smoothing(range([0, 0, 0], [0, 0, 0]), [alike])
    expect([...shifts, ...factors]).toEqual([0, 0, 0, 1, 1, 1])
  })
})

test('the neurons with the highest activations are kept apart, an eighth of them at most, in their order', () => {
  const heights = Float32Array.from({ length: 24 }, (_, at) => (at === 20 ? 90 : at === 3 ? 80 : at === 7 ? 70 : 1))
  const { apart, rest } = splitNeurons({} as Neurons, heights)
  expect(apart).toEqual([3, 7, 20])
  expect(rest).toEqual([...heights.keys()].filter(at => ![3, 7, 20].includes(at)))
  expect(splitNeurons({} as Neurons, new Float32Array(3072)).apart).toHaveLength(32)
})

describe('a matrix is rounded to signed bytes with a scale per column', () => {
  const levelsOf = (values: Matrix) => [...new Int8Array(roundColumns(values).bytes.buffer)]

  test('to half a step', () => {
    const values = matrix([
      [0.5, -100],
      [-1, 33],
      [0, 0.2],
    ])
    expect(levelsOf(values)).toEqual([64, -127, -127, 42, 0, 0])
    expect([...roundColumns(values).scales]).toEqual([Math.fround(1 / 127), Math.fround(100 / 127)])
  })

  test('of two neighbours with the same sign, so that sums of their products with bytes fit into 16 bits', () => {
    expect(levelsOf(matrix([[3], [1], [-4], [0]]))).toEqual([95, 32, -127, 0])
    const rows = Array.from({ length: 77 }, (_, row) =>
      Array.from({ length: 9 }, (_, at) => Math.sin(row * 9 + at * at)),
    )
    const levels = levelsOf(matrix(rows))
    for (let at = 0; at + 9 < levels.length; at++)
      if (Math.floor(at / 9) % 2 === 0 && levels[at]! * levels[at + 9]! > 0)
        expect(Math.abs(levels[at]! + levels[at + 9]!)).toBeLessThanOrEqual(128)
  })
})
