import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type DATASET_COLUMNS, FILE_COLUMNS, PHOTO_COLUMNS } from '../../../src/domain/photo.js'
import { hasReference, REFERENCE } from '../../support/servers/requirements.js'
import { folderWith, numbered, photoValues, problems, readAll, readContent, tsv, tsvHeader, tsvLine } from './tables.js'

const FULL_ROW = {
  photo_id: 'abcDEF-_123',
  photo_url: 'https://unsplash.com/photos/abcDEF-_123',
  photo_image_url: 'https://images.unsplash.com/photo-1',
  photo_submitted_at: '2014-09-29 00:08:38.594364',
  photo_featured: 't',
  photo_width: '4272',
  photo_height: '2848',
  photo_aspect_ratio: '1.5',
  photo_description: 'Étang du matin',
  photographer_username: 'someone',
  photographer_first_name: 'Some',
  photographer_last_name: 'One',
  exif_camera_make: 'Canon',
  exif_camera_model: 'EOS',
  exif_iso: '400.0',
  exif_aperture_value: '1.8',
  exif_focal_length: '50.0',
  exif_exposure_time: '1/100',
  photo_location_name: 'Sète',
  photo_location_latitude: '43.4',
  photo_location_longitude: '-3.7',
  photo_location_country: 'France',
  photo_location_city: 'Sète',
  stats_views: '5000000000',
  stats_downloads: '6967',
  ai_description: 'a pond',
  ai_primary_landmark_name: 'pond',
  ai_primary_landmark_latitude: '43.5',
  ai_primary_landmark_longitude: '-3.5',
  ai_primary_landmark_confidence: '99.5',
  blur_hash: 'L56bVcRRIWMh',
} satisfies Record<keyof typeof DATASET_COLUMNS, string>

describe('a table of photos', () => {
  test('keeps all 31 columns, each as its type', async () => {
    const { photos, source } = await readContent('photos.tsv000', tsv([FULL_ROW]))
    expect(photos[0]?.photo).toEqual({
      ...FULL_ROW,
      ...Object.fromEntries(Object.keys(FILE_COLUMNS).map(column => [column, null])),
      photo_featured: true,
      photo_width: 4272,
      photo_height: 2848,
      photo_aspect_ratio: 1.5,
      exif_iso: 400,
      photo_location_latitude: 43.4,
      photo_location_longitude: -3.7,
      stats_views: 5_000_000_000,
      stats_downloads: 6967,
      ai_primary_landmark_latitude: 43.5,
      ai_primary_landmark_longitude: -3.5,
      ai_primary_landmark_confidence: 99.5,
    })
    expect(source.warnings).toEqual([])
  })

  test('knows empty fields as unknown', async () => {
    const { photos } = await readContent('photos.tsv000', tsv([photoValues(1)]))
    const { photo_id, photo_image_url, ...others } = photos[0]!.photo
    expect(Object.keys(others)).toHaveLength(Object.keys(PHOTO_COLUMNS).length - 2)
    expect(new Set(Object.values(others))).toEqual(new Set([null]))
  })

  test('gives back any text that was written, as TSV or as CSV', async () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'é', '"', ',', '\t', '\n', '\r\n', ' ', '🌲'), maxLength: 10 })
    await fc.assert(
      fc.asyncProperty(
        fc.array(text, { minLength: 1, maxLength: 8 }),
        fc.constantFrom('\t', ','),
        async (texts, delimiter) => {
          const lines = texts.map((value, i) =>
            [`id${i}`, 'https://example.com/a,b', value]
              .map(field => `"${field.replaceAll('"', '""')}"`)
              .join(delimiter),
          )
          const header = ['photo_id', 'photo_image_url', 'photo_description'].join(delimiter)
          const { photos, bad } = await readContent('photos.csv', `${header}\r\n${lines.join('\r\n')}\r\n`)
          expect(bad).toEqual([])
          expect(photos.map(row => row.photo.photo_description)).toEqual(texts.map(value => value || null))
        },
      ),
      { numRuns: 50 },
    )
  })

  test('reads tabs in photos.csv000, as releases 1.3.0 and 1.4.0 have them', async () => {
    const { photos, bad } = await readContent('photos.csv000', tsv(numbered(3)))
    expect([photos.length, bad.length]).toEqual([3, 0])
  })

  test('keeps a value that does not fit its column as unknown, with a warning', async () => {
    const values = {
      exif_iso: 'abc',
      photo_width: '99999999999',
      photo_submitted_at: '2014-02-30 00:00:00',
      photo_featured: 'perhaps',
      photo_description: 'nul\0here',
    }
    const { photos, bad } = await readContent('photos.tsv000', tsv([photoValues(1, values)]))
    expect(bad).toEqual([])
    expect(photos[0]?.photo).toMatchObject({ exif_iso: null, photo_width: null, photo_description: 'nulhere' })
    expect(photos[0]?.warnings?.map(warning => `${warning.code} ${warning.column}`)).toEqual([
      'BAD_VALUE photo_submitted_at',
      'BAD_VALUE photo_featured',
      'BAD_VALUE photo_width',
      'NUL_REMOVED photo_description',
      'BAD_VALUE exif_iso',
    ])
  })

  test('encodes blanks in an image URL', async () => {
    const { photos } = await readContent(
      'photos.tsv000',
      tsv([photoValues(1, { photo_image_url: ' https://example.com/my photo.jpg ' })]),
    )
    expect(photos[0]?.photo.photo_image_url).toBe('https://example.com/my%20photo.jpg')
  })

  test('counts every kind of bad row with its line, and reads all others', async () => {
    const good = (n: number) => Buffer.from(`${tsvLine(photoValues(n))}\n`)
    const line = (values: Parameters<typeof tsvLine>[0]) => Buffer.from(`${tsvLine(values)}\n`)
    const content = Buffer.concat([
      Buffer.from(`${tsvHeader()}\r\n`),
      good(1), // line 2
      Buffer.from('too\tfew\n'), // 3
      good(2), // 4
      line({ ...photoValues(3), photo_id: '' }), // 5
      line({ ...photoValues(3), photo_id: 'with space' }), // 6
      line({ ...photoValues(3), photo_description: '"two\nlines"', photo_image_url: '' }), // 7 and 8
      line({ ...photoValues(3), photo_image_url: 'not a url' }), // 9
      line({ ...photoValues(3), photo_image_url: 'file:///etc/passwd' }), // 10
      line({ ...photoValues(3), photo_image_url: 'ftp://example.com/a.jpg' }), // 11
      Buffer.from(tsvLine({ ...photoValues(3), photo_description: 'latin1 \xe9' }), 'latin1'), // 12
      Buffer.from('\n\n'), // 13 is blank
      line({ ...photoValues(3), photo_description: '"open' }), // 14
      good(3), // 15
      line({ ...photoValues(4), photo_description: '"closed" early' }), // 16
      Buffer.from(`${tsvLine(photoValues(5))}\tone more\n`), // 17
      good(6), // 18
    ])
    const { photos, bad } = await readContent('photos.tsv000', content)
    expect(problems(bad)).toEqual([
      [3, 'WRONG_COLUMN_COUNT'],
      [5, 'NO_ID'],
      [6, 'BAD_ID'],
      [7, 'NO_URL'],
      [9, 'NOT_A_URL'],
      [10, 'NOT_A_URL'],
      [11, 'NOT_A_URL'],
      [12, 'BROKEN_UTF8'],
      [14, 'BAD_QUOTES'],
      [16, 'BAD_QUOTES'],
      [17, 'WRONG_COLUMN_COUNT'],
    ])
    expect(photos.map(row => row.line)).toEqual([2, 4, 15, 18])
  })

  test('does not mind a byte order mark, CRLF and a last line without an end', async () => {
    const content = `\uFEFF${tsv(numbered(3)).replaceAll('\n', '\r\n').slice(0, -2)}`
    const { photos, bad } = await readContent('photos.tsv000', content)
    expect(problems(bad)).toEqual([])
    expect(photos.map(row => row.line)).toEqual([2, 3, 4])
    expect(photos[2]?.photo.blur_hash).toBeNull()
  })

  test.each([
    ['CR', '\r'],
    ['CR, with line breaks in quotes', '\r'],
    ['CRCRLF', '\r\r\n'],
  ])('reads lines that end with %s', async (name, end) => {
    const description = name.includes('quotes') ? '"first\rsecond"' : 'one line'
    const values = numbered(3).map(row => ({ ...row, photo_description: description }))
    const content = `\uFEFF${tsv(values).replaceAll('\n', end)}`
    const folder = await folderWith({ 'photos.csv': content })
    const { photos, bad } = await readAll(join(folder, 'photos.csv'))
    expect(bad).toEqual([])
    expect(photos.map(({ line, photo }) => [line, photo.photo_id, photo.photo_description?.trim()])).toEqual(
      values.map(({ photo_id }, i) => [
        i + 2 + (name.includes('quotes') ? i : 0),
        photo_id,
        name.includes('quotes') ? 'first\nsecond' : 'one line',
      ]),
    )
  })

  test('skips a row with a text that no index holds, or a host name that no DNS has', async () => {
    const rows = [
      photoValues(1, { photo_location_country: 'x'.repeat(4000) }),
      photoValues(2, { photographer_username: 'x'.repeat(401) }),
      photoValues(3, { photo_image_url: `https://${'x'.repeat(300)}.example/1` }),
      photoValues(4, { photo_location_country: 'x'.repeat(400), photo_location_name: 'x'.repeat(4000) }),
    ]
    const { photos, bad } = await readAll(join(await folderWith({ 'photos.tsv': tsv(rows) }), 'photos.tsv'))
    expect(bad.map(({ line, problem }) => [line, problem.code])).toEqual([
      [2, 'VALUE_TOO_LONG'],
      [3, 'VALUE_TOO_LONG'],
      [4, 'NOT_A_URL'],
    ])
    expect(photos.map(({ line }) => line)).toEqual([5])
  })

  test('leaves out a latitude or longitude that is none', async () => {
    const place = { photo_location_latitude: '90.5', photo_location_longitude: '-180' }
    const { photos } = await readAll(
      join(await folderWith({ 'photos.tsv': tsv([photoValues(1, place)]) }), 'photos.tsv'),
    )
    expect(photos[0]).toMatchObject({
      photo: { photo_location_latitude: null, photo_location_longitude: -180 },
      warnings: [{ code: 'BAD_VALUE', column: 'photo_location_latitude' }],
    })
  })

  test('reads columns in any order, ignores others and says so', async () => {
    const { photos, source } = await readContent(
      'photos-5k.csv',
      'taken_time,photo_image_url,PHOTO_ID\nday,https://example.com/1.jpg,a1\n',
    )
    expect(photos[0]?.photo).toMatchObject({ photo_id: 'a1', photo_image_url: 'https://example.com/1.jpg' })
    expect(source.warnings[0]).toContain('not kept: taken_time')
    expect(source.warnings[1]).toMatch(/stay empty: photo_url, photo_submitted_at, .* and \d\d more\.$/)
  })

  test('refuses a table without the columns it needs, before any row, and says what it found', async () => {
    await expect(readContent('photos.csv', 'photo_id,photo_url\na,b\n')).rejects.toMatchObject({
      code: 'INPUT_COLUMNS_MISSING',
      message: expect.stringMatching(/photo_image_url not found among photo_id, photo_url/),
    })
    await expect(readContent('photos.csv', 'a,b\nc,d\n')).rejects.toMatchObject({ code: 'INPUT_COLUMNS_MISSING' })
    await expect(readContent('photos.csv', 'photo_id,photo_image_url,photo_id\n')).rejects.toMatchObject({
      code: 'INPUT_INVALID',
    })
  })

  test('finds a column missing in a later part before anything of the first is read', async () => {
    const folder = await folderWith({
      'photos.tsv000': tsv(numbered(3)),
      'photos.tsv001': 'photo_id\tphoto_url\nx\ty\n',
    })
    await expect(readAll(folder)).rejects.toMatchObject({
      code: 'INPUT_COLUMNS_MISSING',
      message: expect.stringContaining('photos.tsv001'),
    })
  })

  test('reads parts in the order of their numbers, with or without a header of their own', async () => {
    const withoutHeader = `${numbered(2, 20)
      .map(values => tsvLine(values))
      .join('\n')}\n`
    const folder = await folderWith({
      'photos.tsv010': tsv(numbered(1, 30)),
      'photos.tsv001': withoutHeader,
      'photos.tsv000': tsv(numbered(2, 10)),
      'photos.tsv002.gz': gzipSync(tsv(numbered(1, 25))),
      'photos.tsv003': '',
      'keywords.tsv000': 'photo_id\tkeyword\n',
      'DOCS.md': '# Docs',
    })
    const { photos, bad } = await readAll(folder)
    expect(problems(bad)).toEqual([])
    expect(photos.map(row => Number(row.photo.photo_id.slice(5)))).toEqual([10, 11, 20, 21, 25, 30])
    expect(photos.map(row => row.line)).toEqual([2, 3, 1, 2, 2, 2])
    expect(photos[2]?.part).toBe(join(folder, 'photos.tsv001'))
  })

  describe.skipIf(!hasReference())('of the reference', () => {
    for (const [name, count] of [
      ['photos-700.csv', 700],
      ['photos-5k.csv', 4700],
    ] as const)
      test(`reads every row of ${name}`, async () => {
        const { photos, bad, source } = await readAll(join(REFERENCE, 'unsplash', name))
        expect(bad).toEqual([])
        expect(photos).toHaveLength(count)
        expect(photos.filter(row => row.warnings)).toEqual([])
        expect(source.warnings).toHaveLength(1)
        expect(photos[0]?.photo).toMatchObject({ exif_iso: 400, photo_featured: true, stats_views: 2375421 })
        expect(Object.keys(photos[0]!.photo)).toEqual(Object.keys(PHOTO_COLUMNS))
      })
  })
})
