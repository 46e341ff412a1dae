import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PHOTO_COLUMNS, type PhotoColumn } from '../../../src/domain/photo.js'
import { parseWhere } from '../../../src/domain/where/parse-where.js'

describe('--where', () => {
  test.each([
    ['photo_location_country=Norway', { column: 'photo_location_country', operator: '=', value: 'Norway' }],
    ['exif_iso >= 800', { column: 'exif_iso', operator: '>=', value: '800' }],
    ['exif_iso=400.0', { column: 'exif_iso', operator: '=', value: '400' }],
    ['photo_featured=t', { column: 'photo_featured', operator: '=', value: 'true' }],
    ['photo_description~a=b', { column: 'photo_description', operator: '~', value: 'a=b' }],
    [
      'photo_location_country in Norway| New Zealand',
      { column: 'photo_location_country', operator: 'in', value: ['Norway', 'New Zealand'] },
    ],
    ['exif_iso is null', { column: 'exif_iso', operator: 'is null' }],
    ['exif_iso  is not null', { column: 'exif_iso', operator: 'is not null' }],
    ['photo_description=in is null', { column: 'photo_description', operator: '=', value: 'in is null' }],
    ['photographer_username!=', { column: 'photographer_username', operator: 'is not null' }],
    ['photographer_username=', { column: 'photographer_username', operator: 'is null' }],
    [
      'photo_submitted_at<2014-09-29T00:08',
      { column: 'photo_submitted_at', operator: '<', value: '2014-09-29 00:08:00.000000' },
    ],
    [
      'photo_submitted_at>2016-02',
      { column: 'photo_submitted_at', operator: '>', value: '2016-02-29 23:59:59.999999' },
    ],
    ['photo_submitted_at>=2014', { column: 'photo_submitted_at', operator: '>=', value: '2014-01-01 00:00:00.000000' }],
  ])('reads %s', (text, expected) => expect(parseWhere(text)).toEqual([expected]))

  test('reads a month as all of its moments', () => {
    expect(parseWhere('photo_submitted_at=2014-09')).toEqual([
      { column: 'photo_submitted_at', operator: '>=', value: '2014-09-01 00:00:00.000000' },
      { column: 'photo_submitted_at', operator: '<=', value: '2014-09-30 23:59:59.999999' },
    ])
  })

  test.each(['', 'exif_iso', 'exif_iso is nothing', 'exif_isonull', 'exif_iso in'])(
    'refuses %j and shows how it looks',
    text => expect(() => parseWhere(text)).toThrow('--where expects COLUMN'),
  )

  test('refuses a column that does not exist and lists those that do', () => {
    expect(() => parseWhere('iso=100')).toThrow(/no column "iso".*exif_iso/)
    expect(() => parseWhere('constructor=1')).toThrow('no column')
  })

  test.each([
    ['exif_iso>=many', '--where exif_iso: expected a value of type integer after >=, found "many".'],
    ['exif_iso in 100|', '--where exif_iso: expected a value of type integer after in, found "".'],
    ['exif_iso~1', 'expected a text column before ~, which looks inside text, found exif_iso of type integer.'],
    ['photo_submitted_at!=2014-09-29', 'expected a day with a time after !=, found "2014-09-29". Use < and >'],
    ['photo_submitted_at=2014-13', 'expected a value of type timestamp after =, found "2014-13".'],
  ])('refuses %s and says what it expects', (text, message) =>
    expect(() => parseWhere(text)).toThrow(
      expect.objectContaining({ code: 'FILTER_INVALID', message: expect.stringContaining(message) }),
    ),
  )

  test('reads every column with every operator, with or without spaces', () => {
    const values = {
      text: 'a b',
      timestamp: '2014-09-29 10:11:12',
      boolean: 'true',
      integer: '7',
      bigint: '8',
      number: '0.5',
    }
    fc.assert(
      fc.property(
        fc.constantFrom(...(Object.keys(PHOTO_COLUMNS) as PhotoColumn[])),
        fc.constantFrom('=', '!=', '<', '<=', '>', '>=', ' in ', ' is null', ' is not null'),
        fc.constantFrom('', ' ', '  '),
        (column, operator, space) => {
          const value = operator.includes('null') ? '' : values[PHOTO_COLUMNS[column]]
          const filters = parseWhere(`${space}${column}${space}${operator}${space}${value}`)
          expect(filters).toEqual([expect.objectContaining({ column, operator: operator.trim() })])
        },
      ),
    )
  })
})
