import { expect, test } from 'vitest'
import { fromHalf } from '../../src/domain/half.js'
import { numberText, vectorBytes, vectorText } from '../../src/exports/vector-bytes.js'

test('vectorBytes writes every half as its bits, and other numbers as the nearest half', () => {
  const bits = Array.from({ length: 0x10000 }, (_, i) => i).filter(i => !Number.isNaN(fromHalf(i)))
  const halves = new Uint16Array(vectorBytes(Float32Array.from(bits, fromHalf), 'float16').buffer)
  expect([...halves]).toEqual(bits)
  const rounded = new Uint16Array(vectorBytes(Float32Array.of(0.1, 1 + 2 ** -12, 1e-9), 'float16').buffer)
  expect([...rounded].map(fromHalf)).toEqual([0.0999755859375, 1, 0])
})

test('vectorBytes writes floats as they are, also those of a part of a longer array', () => {
  const vectors = Float32Array.of(1, 2, 3, 4)
  const bytes = vectorBytes(vectors.subarray(1, 3), 'float32')
  expect([...new Float32Array(bytes.slice().buffer)]).toEqual([2, 3])
})

test('texts of numbers are exact as 32-bit floats', () => {
  const vector = Float32Array.of(fromHalf(0x2e66), 1 / 3, -1e-7, 0)
  const texts = vectorText(vector, ',').split(',')
  expect(texts.map(text => Math.fround(Number(text)))).toEqual([...vector])
  expect(numberText(0.5)).toBe('0.5')
})
