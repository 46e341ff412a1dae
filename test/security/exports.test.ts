import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { writeCsv } from '../../src/cli/print/csv.js'
import { hitColumns, hitRows, labelRows } from '../../src/cli/print/photo-csv.js'
import { filePath, placeLine } from '../../src/cli/print/photo-place.js'
import { barePhoto } from '../../src/domain/photo.js'
import type { Hit } from '../../src/domain/ports/search.js'
import { csvLine } from '../../src/domain/text/csv.js'

const STARTS_A_FORMULA = /^[=+\-@\t\r\n＝＋－＠]/

describe('a cell of an exported table', () => {
  test.each([
    ['=1+1', `'=1+1`],
    ['=HYPERLINK("http://127.0.0.1/?"&A1)', `"'=HYPERLINK(""http://127.0.0.1/?""&A1)"`],
    ['+1', `'+1`],
    ['-2+3', `'-2+3`],
    ['-N_UwPdUs7E', `'-N_UwPdUs7E`],
    ['@SUM(A1)', `'@SUM(A1)`],
    ['\t=1', `"'\t=1"`],
    ['\r=1', `"'\r=1"`],
    ['\n=1', `"'\n=1"`],
    ['＝1', `'＝1`],
    ['a=1', 'a=1'],
    ['a,b', '"a,b"'],
    ['say "hi"', '"say ""hi"""'],
    ['two\r\nlines', '"two\r\nlines"'],
    [' padded ', '" padded "'],
    ['x;=1', '"x;=1"'],
    ['', ''],
    [-0.25, '-0.25'],
    [1e21, '1e+21'],
    [Number.NaN, ''],
    [true, 'true'],
    [null, ''],
    [undefined, ''],
  ])('%j is written as %j', (value, written) => {
    expect(csvLine([value])).toBe(`${written}\r\n`)
  })

  test('that is a photo id is that id, which can be no call and no reference to elsewhere', () => {
    expect(csvLine([{ id: '-N_UwPdUs7E' }, { id: '-9cV7wTi--Y' }])).toBe('-N_UwPdUs7E,-9cV7wTi--Y\r\n')
    expect(csvLine([{ id: '-2+3' }, { id: '=A1' }])).toBe("'-2+3,'=A1\r\n")
  })

  test('never begins a formula, whatever the text, and reads back as that text', () => {
    const hostile = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.tuple(fc.constantFrom(...'=+-@\t\r\n＝＋－＠",;\''), fc.string()).map(parts => parts.join('')),
    )
    fc.assert(
      fc.property(fc.array(fc.array(hostile, { minLength: 3, maxLength: 3 }), { minLength: 1, maxLength: 5 }), rows => {
        const file = [['a', 'b', 'c'], ...rows].map(csvLine).join('')
        const read: string[][] = parse(file, { record_delimiter: '\r\n', from: 2 })
        for (const cell of read.flat()) expect(cell).not.toMatch(STARTS_A_FORMULA)
        expect(read).toEqual(rows.map(row => row.map(cell => (STARTS_A_FORMULA.test(cell) ? `'${cell}` : cell))))
      }),
    )
  })
})

describe('the path of a photo can be pasted into a shell', () => {
  test.each([
    ['/photos/dog.jpg', '/photos/dog.jpg'],
    ['/photos/写真/é.jpg', '/photos/写真/é.jpg'],
    ['/my photos/a.jpg', "'/my photos/a.jpg'"],
    ["/it's/$(reboot);`x`.jpg", "'/it'\\''s/$(reboot);`x`.jpg'"],
  ])('%s', (path, line) => {
    const url = pathToFileURL(path).href
    expect([filePath(url), placeLine(url)]).toEqual([path, line])
  })

  test('but nothing that a terminal would obey', () => {
    const url = pathToFileURL('/a\u001b[2J\nb.jpg').href
    expect(placeLine(url)).toBe(url)
  })
})

describe('a table', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'unsplash-clip-csv-'))
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  const photo = {
    ...barePhoto('-N_UwPdUs7E', 'https://images.example/=1'),
    photo_description: '=cmd|calc!A0',
    stats_views: 12,
  }

  test('of hits has ranks, scores, labels and metadata', async () => {
    const hits: Hit[] = [
      {
        photoId: '-N_UwPdUs7E',
        score: -0.5,
        correction: null,
        photo,
        labels: { time: { label: '+night', score: 0.5 } },
        storedKey: 'h512-q65/x.jpg',
      },
      {
        photoId: 'b',
        score: -0.75,
        correction: null,
        photo: barePhoto('b', 'https://images.example/b'),
        labels: {},
        storedKey: null,
      },
    ]
    const file = join(folder, 'hits.csv')
    await writeCsv(file, hitColumns(hits), hitRows(hits, 10))
    const [first, second] = parse(readFileSync(file), { columns: true }) as Record<string, string>[]
    expect(first).toMatchObject({
      rank: '11',
      photo_id: '-N_UwPdUs7E',
      score: '-0.5',
      time: `'+night`,
      time_score: '0.5',
      photo_image_url: 'https://images.example/=1',
      photo_description: `'=cmd|calc!A0`,
      stats_views: '12',
      stored_key: 'h512-q65/x.jpg',
    })
    expect(second).toMatchObject({ rank: '12', photo_id: 'b', time: '', time_score: '', stored_key: '' })
  })

  test('of labels is written page by page', async () => {
    async function* pages() {
      yield [{ photo, label: 'night', score: 0.75 }]
      yield [{ photo: barePhoto('b', 'https://images.example/b'), label: '@day', score: 1 }]
    }
    const rows: unknown[][] = []
    for await (const row of labelRows(pages())) rows.push(row.slice(0, 3))
    expect(rows).toEqual([
      [{ id: '-N_UwPdUs7E' }, 'night', 0.75],
      [{ id: 'b' }, '@day', 1],
    ])
  })

  test('that cannot be written is a failed file; what its rows throw is not', async () => {
    await expect(writeCsv(join(folder, 'nowhere', 'x.csv'), ['a'], [])).rejects.toMatchObject({ code: 'FILE_FAILED' })
    const broken = new Error('the database is gone')
    async function* rows() {
      yield ['a']
      throw broken
    }
    await expect(writeCsv(join(folder, 'x.csv'), ['a'], rows())).rejects.toBe(broken)
  })
})
