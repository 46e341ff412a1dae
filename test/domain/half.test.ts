import { expect, test } from 'vitest'
import { fromHalf, toHalf } from '../../src/domain/half.js'
import { toHalf as nearestHalf } from '../db/factories.js'
import { randomNumbers } from '../support/random-numbers.js'

const EVERY_HALF = Array.from({ length: 2 ** 16 }, (_, bits) => bits)
const isNaNHalf = (bits: number) => (bits & 0x7c00) === 0x7c00 && (bits & 0x3ff) !== 0

test('every half is a number and comes back from it, bit by bit; what is no number stays none', () => {
  for (const bits of EVERY_HALF)
    if (isNaNHalf(bits)) {
      expect(fromHalf(bits)).toBeNaN()
      expect(isNaNHalf(toHalf(fromHalf(bits)))).toBe(true)
    } else if (toHalf(fromHalf(bits)) !== bits) expect.fail(`${bits.toString(16)} comes back as another`)
})

test('the halves are in the order of their bits, from the smallest subnormal number to infinity', () => {
  const positive = EVERY_HALF.filter(bits => bits <= 0x7c00).map(fromHalf)
  expect(positive.every((value, i) => i === 0 || value > positive[i - 1]!)).toBe(true)
  expect(positive.slice(0, 2)).toEqual([0, 2 ** -24])
  expect(positive.slice(-2)).toEqual([65_504, Number.POSITIVE_INFINITY])
})

test('a number between two halves becomes the nearer one, the even one of two that are equally near', () => {
  for (let bits = 0; bits < 0x7bff; bits++) {
    const [low, high] = [fromHalf(bits), fromHalf(bits + 1)]
    const middle = (low + high) / 2
    const even = bits % 2 === 0 ? bits : bits + 1
    const found = [low + (middle - low) / 2, middle, middle + (high - middle) / 2].map(toHalf)
    if (found.join() !== [bits, even, bits + 1].join()) expect.fail(`between ${low} and ${high}: ${found}`)
  }
})

test('random numbers of all sizes, of both signs, are rounded as a second implementation does it', () => {
  const random = randomNumbers(1)
  for (let i = 0; i < 100_000; i++) {
    const value = Math.fround(random() * 2 ** Math.floor(random() * 44 - 6))
    if (fromHalf(toHalf(value)) !== nearestHalf(value)) expect.fail(`${value} becomes ${fromHalf(toHalf(value))}`)
  }
})

test.each([
  [65_519, 0x7bff],
  [65_520, 0x7c00],
  [1e9, 0x7c00],
  [Number.POSITIVE_INFINITY, 0x7c00],
  [Number.NEGATIVE_INFINITY, 0xfc00],
  [-0, 0x8000],
  [2 ** -25, 0],
  [2 ** -26, 0],
  [-(2 ** -25) * 1.01, 0x8001],
  [1, 0x3c00],
  [-2, 0xc000],
  [0.1, 0x2e66],
])('%f is %i', (value, bits) => {
  expect(toHalf(value)).toBe(bits)
})
