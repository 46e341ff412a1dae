import { describe, expect, test } from 'vitest'
import { columnFilter, labelFilter, wholeNumber } from '../../src/cli/arguments.js'

describe('--label', () => {
  test.each([
    ['taken_time=night', { set: 'taken_time', label: 'night' }],
    ['taken_time=night:0.5', { set: 'taken_time', label: 'night', minScore: 0.5 }],
    ['mood=calm and quiet', { set: 'mood', label: 'calm and quiet' }],
    ['ratio=16:9', { set: 'ratio', label: '16:9' }],
  ])('reads %s', (text, expected) => expect(labelFilter(text)).toEqual(expected))

  test.each(['night', '=night', 'taken_time=', ''])('refuses %j and shows how it looks', text =>
    expect(() => labelFilter(text)).toThrow('SET=LABEL'),
  )
})

describe('--where', () => {
  test.each([
    ['photo_location_country=Norway', { column: 'photo_location_country', operator: '=', value: 'Norway' }],
    ['exif_iso >= 800', { column: 'exif_iso', operator: '>=', value: '800' }],
    ['photo_description~a=b', { column: 'photo_description', operator: '~', value: 'a=b' }],
    ['photographer_username!=', { column: 'photographer_username', operator: '!=', value: '' }],
  ])('reads %s', (text, expected) => expect(columnFilter(text)).toEqual(expected))

  test('refuses a column that does not exist and lists those that do', () => {
    expect(() => columnFilter('iso=100')).toThrow(/no column "iso".*exif_iso/)
    expect(() => columnFilter('constructor=1')).toThrow('no column')
  })
})

test('whole numbers are whole and in range', () => {
  const parse = wholeNumber(1, 10)
  expect(parse('7')).toBe(7)
  for (const wrong of ['0', '11', '1.5', 'x', '']) expect(() => parse(wrong)).toThrow('from 1 to 10')
})
