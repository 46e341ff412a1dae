import fc from 'fast-check'
import { expect, test } from 'vitest'
import { resample } from '../../src/images/resample.js'

const grey = (...values: number[]) => values.flatMap(value => [value, value, value])

test('Two columns become four with the weights of Catmull and Rom’s kernel', () => {
  const data = Uint8Array.from([...grey(0, 255), ...grey(0, 255)])
  const window = { width: 4, height: 4, left: 0, top: 0, size: 4 }
  const row = grey(0, 53, 202, 255)
  const enlarged = resample({ data, width: 2, height: 2, channels: 3 }, window, 'bicubic')
  expect([...enlarged]).toEqual([...row, ...row, ...row, ...row])
})

test('A window is cut from what the whole image would become', () => {
  const image = fc.record({
    width: fc.integer({ min: 1, max: 20 }),
    height: fc.integer({ min: 1, max: 20 }),
    seed: fc.integer(),
  })
  fc.assert(
    fc.property(
      image,
      fc.integer({ min: 8, max: 30 }),
      fc.nat(22),
      fc.nat(22),
      ({ width, height, seed }, side, x, y) => {
        const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => Math.imul(i + 1, seed | 1) >>> 24)
        const raster = { data, width, height, channels: 3 }
        const size = 8
        const [left, top] = [Math.min(x, side - size), Math.min(y, side - size)]
        const whole = resample(raster, { width: side, height: side, left: 0, top: 0, size: side }, 'bicubic')
        const part = resample(raster, { width: side, height: side, left, top, size }, 'bicubic')
        for (let row = 0; row < size; row++) {
          const from = 3 * ((top + row) * side + left)
          expect(part.subarray(3 * size * row, 3 * size * (row + 1))).toEqual(whole.subarray(from, from + 3 * size))
        }
      },
    ),
  )
})

test('An even colour stays what it is, at any size', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 255 }), (side, value) => {
      const data = new Uint8Array(side * side * 3).fill(value)
      const window = { width: 16, height: 16, left: 0, top: 0, size: 16 }
      const resized = resample({ data, width: side, height: side, channels: 3 }, window, 'bicubic')
      expect(new Set(resized)).toEqual(new Set([value]))
    }),
  )
})

test('The colour of what is transparent does not bleed into what is not', () => {
  const row = [200, 100, 50, 255, 0, 255, 0, 0]
  const data = Uint8Array.from([...row, ...row])
  const window = { width: 6, height: 6, left: 0, top: 0, size: 6 }
  const third = resample({ data, width: 2, height: 2, channels: 4 }, window, 'bicubic').subarray(6, 9)
  for (const [c, value] of [200, 100, 50].entries()) expect(Math.abs(third[c]! - value)).toBeLessThanOrEqual(2)
})
