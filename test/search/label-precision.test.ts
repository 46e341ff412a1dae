import fc from 'fast-check'
import { expect, test } from 'vitest'
import { precisionOf, wilsonInterval } from '../../src/search/label-precision.js'

test('the interval is that of Wilson', () => {
  // Values of R: prop.test(c, n, correct = FALSE)$conf.int
  const ends = (correct: number, checked: number) => {
    const { low, high } = wilsonInterval(correct, checked)
    return [low, high].map(end => Number(end.toFixed(4)))
  }
  expect(ends(8, 10)).toEqual([0.4902, 0.9433])
  expect(ends(30, 32)).toEqual([0.7985, 0.9827])
  expect(ends(0, 10)).toEqual([0, 0.2775])
  expect(ends(10, 10)).toEqual([0.7225, 1])
})

test('the interval holds the share, lies in [0, 1], is symmetric, and narrows with more photos', () => {
  const counts = fc
    .integer({ min: 1, max: 100_000 })
    .chain(checked => fc.tuple(fc.integer({ min: 0, max: checked }), fc.constant(checked)))
  fc.assert(
    fc.property(counts, ([correct, checked]) => {
      const { precision, low, high } = precisionOf(correct, checked)
      expect(low).toBeGreaterThanOrEqual(0)
      expect(high).toBeLessThanOrEqual(1)
      expect(low).toBeLessThanOrEqual(precision)
      expect(high).toBeGreaterThanOrEqual(precision)
      const mirrored = wilsonInterval(checked - correct, checked)
      expect(mirrored.low).toBeCloseTo(1 - high, 9)
      const more = wilsonInterval(4 * correct, 4 * checked)
      expect(more.high - more.low).toBeLessThan(high - low)
    }),
  )
})

test('there is no share of no photos, nor of more than all', () => {
  for (const [correct, checked] of [
    [0, 0],
    [2, 1],
    [-1, 1],
    [Number.NaN, 1],
  ] as const)
    expect(() => wilsonInterval(correct, checked)).toThrow(RangeError)
})
