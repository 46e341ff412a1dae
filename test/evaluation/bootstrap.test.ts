import { describe, expect, test } from 'vitest'
import { estimates, halvesOf } from '../../src/evaluation/bootstrap.js'

const RESAMPLES = 4000
const values = Float64Array.from({ length: 200 }, (_, i) => (i * 37) % 100)

describe('the bootstrap over queries', () => {
  test('gives the interval of the normal approximation where that is right', () => {
    const [found] = estimates([values], RESAMPLES, 1)
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
    const half = (1.96 * deviation) / Math.sqrt(values.length)
    expect(found!.mean).toBeCloseTo(mean, 10)
    expect(found!.low).toBeCloseTo(mean - half, 0)
    expect(found!.high).toBeCloseTo(mean + half, 0)
  })

  test('draws the same queries for every column, so a constant gain is certain', () => {
    const better = values.map(value => value + 2)
    const difference = better.map((value, i) => value - values[i]!)
    const [, , found] = estimates([values, better, difference], 200, 1)
    expect(found).toEqual({ mean: 2, low: 2, high: 2 })
  })

  test('is the same for the same seed, and another for another', () => {
    expect(estimates([values], 500, 7)).toEqual(estimates([values], 500, 7))
    expect(estimates([values], 500, 7)).not.toEqual(estimates([values], 500, 8))
  })
})

test.each([2, 3, 101])('%i queries have two halves without a common query', count => {
  const [first, second] = halvesOf(count, 3)
  expect(first.length).toBe(Math.ceil(count / 2))
  expect([...first, ...second].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i))
  expect(halvesOf(count, 3)).toEqual([first, second])
})
