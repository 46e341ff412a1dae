import { describe, expect, test } from 'vitest'
import { parseTarget } from '../../../src/analysis/classify/target.js'

const SETS = [{ name: 'taken_time', template: 'at {label}', labels: ['dawn', 'day', 'night'] }]

test('Two bounds make three bins, and a bound belongs to the bin below it', () => {
  const target = parseTarget('exif_iso:200,1000', SETS)
  const classes = [1, 200, 201, 1000, 1001].map(exif_iso => target.classOf({ exif_iso }, {}))
  expect(classes).toEqual(['low', 'low', 'medium', 'medium', 'high'])
  expect(target.classOf({ exif_iso: null }, {})).toBeNull()
  expect(target.bins).toEqual(['low: up to 200', 'medium: over 200 to 1000', 'high: over 1000'])
  expect(target.inOrder(['high', 'low'])).toEqual(['low', 'high'])
})

test('One bound makes low and high, four are named by their ranges', () => {
  expect(parseTarget('photo_width:4000', SETS).classOf({ photo_width: 5000 }, {})).toBe('high')
  const names = parseTarget('stats_views:1,2,3,4', SETS).bins.map(bin => bin.split(':')[0])
  expect(names).toEqual(['up to 1', 'over 1 to 2', 'over 2 to 3', 'over 3 to 4', 'over 4'])
})

test('Bounds divide texts that are numbers; other texts have no class', () => {
  const target = parseTarget('exif_aperture_value:2.8', SETS)
  expect(
    ['1.8', '2.8', ' 4 ', 'f/2', ''].map(exif_aperture_value => target.classOf({ exif_aperture_value }, {})),
  ).toEqual(['low', 'low', 'high', null, null])
})

test('Texts, whole numbers and booleans are their own classes', () => {
  expect(parseTarget('photo_location_country', SETS).classOf({ photo_location_country: 'Peru' }, {})).toBe('Peru')
  expect(parseTarget('photo_location_country', SETS).classOf({ photo_location_country: ' ' }, {})).toBeNull()
  expect(parseTarget('photo_featured', SETS).classOf({ photo_featured: false }, {})).toBe('false')
  expect(parseTarget('exif_iso', SETS).inOrder(['1000', '200'])).toEqual(['200', '1000'])
})

test('The labels of a set are classes in their order', () => {
  const target = parseTarget('taken_time', SETS)
  expect(target.column).toBeNull()
  expect(target.classOf({}, { taken_time: { label: 'day' } })).toBe('day')
  expect(target.classOf({}, { taken_space: { label: 'indoor' } })).toBeNull()
  expect(target.inOrder(['night', 'dawn'])).toEqual(['dawn', 'night'])
})

describe('A target that means nothing is refused:', () => {
  test.each([
    ['nothing', /expects a column of photos.*found "nothing".*The label sets: taken_time/],
    ['EXIF_ISO', /found "EXIF_ISO"/],
    ['', /found ""/],
    ['toString', /found "toString"/],
    ['taken_time:1', /found "taken_time:1"/],
    ['exif_iso:', /bounds are rising numbers.*found "exif_iso:"/],
    ['exif_iso:1000,200', /rising/],
    ['exif_iso:200,200', /rising/],
    ['exif_iso:200,x', /rising/],
    ['exif_iso:Infinity', /rising/],
    ['photo_aspect_ratio', /Give bounds, such as photo_aspect_ratio:10,100/],
    ['photo_submitted_at', /holds times/],
    ['photo_submitted_at:2020', /bounds divide numbers, and photo_submitted_at is timestamp/],
    ['photo_featured:1', /bounds divide numbers, and photo_featured is boolean/],
  ])('%s', (text, message) => {
    expect(() => parseTarget(text, SETS)).toThrow(
      expect.objectContaining({ code: 'USAGE', message: expect.stringMatching(message) }),
    )
  })
})
