import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { fromHalf, toHalf } from '../../src/domain/half.js'
import { toUnitHalves } from '../../src/imports/unit-half.js'

function unitHalves(vector: number[]): [string, number[]] {
  const halves = new Uint16Array(vector.length)
  return [toUnitHalves(vector, halves), Array.from(halves, fromHalf)]
}

test('A vector of unit length keeps its numbers, rounded to halves', () => {
  const [outcome, numbers] = unitHalves([0.6004, -0.8])
  expect([outcome, numbers]).toEqual(['unit', [fromHalf(toHalf(0.6004)), fromHalf(toHalf(-0.8))]])
})

test('Numbers of any size keep their direction', () => {
  const finite = fc.double({ noNaN: true, noDefaultInfinity: true })
  fc.assert(
    fc.property(fc.array(finite, { minLength: 1, maxLength: 8 }), vector => {
      const [outcome, numbers] = unitHalves(vector)
      if (vector.every(value => value === 0)) return outcome === 'ZERO_VECTOR'
      const length = Math.hypot(...numbers)
      const largest = Math.max(...vector.map(Math.abs))
      const scaled = vector.map(value => value / largest)
      const expected = scaled.map(value => value / Math.hypot(...scaled))
      return Math.abs(length - 1) < 2e-3 && numbers.every((value, i) => Math.abs(value - expected[i]!) < 2e-3)
    }),
    { examples: [[[1.5717277847026288e-162]], [[5e-324, 5e-324]], [[1.7e308, -1.7e308]]] },
  )
})

test.each([[[Number.NaN, 1]], [[1, Number.POSITIVE_INFINITY]], [[Number.NEGATIVE_INFINITY, Number.NaN]]])(
  '%j has no direction',
  vector => {
    expect(unitHalves(vector)[0]).toBe('NOT_FINITE')
  },
)
