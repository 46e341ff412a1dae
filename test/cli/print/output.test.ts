import { expect, test } from 'vitest'
import { bars, formatScore, shorten, table } from '../../../src/cli/print/output.js'
import { formatBytes, formatDuration } from '../../../src/domain/text/format.js'

test('tables align, numbers to the right', () => {
  expect(
    table(
      ['name', 'photos'],
      [
        ['a', 5],
        ['long name', 12345],
      ],
    ),
  ).toBe('name       photos\na               5\nlong name  12,345')
})

test('bars show counts and shares, also when all are zero', () => {
  expect(
    bars(
      [
        { label: 'day', count: 3 },
        { label: 'night', count: 1 },
      ],
      3,
    ),
  ).toBe('day    ███        3   75.0 %\nnight  █          1   25.0 %')
  expect(bars([{ label: 'day', count: 0 }])).toContain('0.0 %')
})

test('scores have three decimals, and two digits where these would be zeros', () => {
  expect([0.8342, 0.0004, 0].map(score => formatScore(score, 0.8342))).toEqual(['0.834', '0.000', '0.000'])
  expect([0.000123, 4.56e-8, 0].map(score => formatScore(score))).toEqual(['0.00012', '4.6e-8', '0.000'])
})

test('durations, sizes and long texts are short', () => {
  expect(formatDuration(75)).toBe('1 min 15 s')
  expect(formatBytes(154_000_000)).toBe('154 MB')
  expect(shorten('a  b\nc', 10)).toBe('a b c')
  expect(shorten('abcdefgh', 5)).toBe('abcd…')
})
