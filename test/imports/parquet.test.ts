import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { fromHalf, toHalf } from '../../src/domain/half.js'
import { readMatrix } from '../../src/models/check/npy.js'
import { folderWith } from '../producers/input/tables.js'
import { checkedIn, rowsOf } from './read-vectors.js'

/** Made by pyarrow and pandas: test/imports/python/write_fixtures.py --small. */
const FIXTURES = 'test/imports/fixtures'
const DIMENSION = 8
const file = (name: string) => join(FIXTURES, `${name}.parquet`)

describe('Vectors that pyarrow and pandas write', () => {
  test.each([
    'list',
    'list-groups',
    'list-v2',
    'list-plain',
    'list-split',
    'fixed',
    'list-f8',
    'list-f2',
    'large-list',
    'pandas',
  ])('%s', async name => {
    const expected = (await readMatrix(join(FIXTURES, 'expected.npy'))).map(row => Array.from(row))
    const rows = await rowsOf(file(name), { dimension: DIMENSION })
    const given = name === 'list-f2' ? expected.map(row => row.map(value => fromHalf(toHalf(value)))) : expected
    expect(rows.map(row => row.numbers)).toEqual(given)
    expect(rows.map(row => 'record' in row && row.record.photo_id)).toEqual(
      expected.map((_, i) => `photo${String(i).padStart(6, '0')}`),
    )
  })

  test('A null, an empty list and other lengths cost only their rows', async () => {
    const { summary, bad } = await checkedIn(file('nulls'), { dimension: DIMENSION })
    expect([summary.rows, bad]).toEqual([
      20,
      [
        [2, 'NO_VECTOR'],
        [3, 'WRONG_DIMENSION'],
        [4, 'NOT_FINITE'],
        [5, 'WRONG_DIMENSION'],
        [6, 'WRONG_DIMENSION'],
      ],
    ])
  })
})

describe('A Parquet file is refused', () => {
  test.each([
    ['with lists of lists', 'nested', {}, 'INPUT_COLUMNS_MISSING', /its column embedding holds something else/],
    ['with whole numbers', 'integers', {}, 'INPUT_COLUMNS_MISSING', /lists of float16, float32 or float64/],
    ['without the column of vectors', 'list', { vectorColumn: 'mine' }, 'INPUT_COLUMNS_MISSING', /column mine/],
    [
      'whose column of vectors is another',
      'list',
      { vectorColumn: 'photo_id' },
      'INPUT_COLUMNS_MISSING',
      /something else/,
    ],
    ['without the column of ids', 'list', { idColumn: 'name' }, 'INPUT_COLUMNS_MISSING', /--id-column/],
    ['that is encrypted', 'encrypted', {}, 'INPUT_INVALID', /encrypted/],
  ])('%s', async (_, name, options, code, message) => {
    const read = rowsOf(file(name as string), { dimension: DIMENSION, ...(options as object) })
    await expect(read).rejects.toMatchObject({ code, message: expect.stringMatching(message as RegExp) })
  })

  test('that is cut short or damaged, wherever that is', async () => {
    const whole = readFileSync(file('list-plain'))
    const cut = await folderWith({ 'cut.parquet': whole.subarray(0, whole.length / 2), 'tiny.parquet': 'PAR1PAR1' })
    for (const name of ['cut', 'tiny'])
      await expect(rowsOf(join(cut, `${name}.parquet`), { dimension: DIMENSION })).rejects.toMatchObject({
        code: 'INPUT_INVALID',
      })
    for (let at = 4; at < whole.length; at += 37) {
      const damaged = Buffer.from(whole)
      damaged[at]! ^= 0xff
      const path = join(await folderWith({ 'x.parquet': damaged }), 'x.parquet')
      const end = await rowsOf(path, { dimension: DIMENSION }).then(
        rows => rows.length,
        error => error.code,
      )
      expect(['INPUT_INVALID', 'INPUT_COLUMNS_MISSING', 20], `byte ${at}: ${end}`).toContain(end)
    }
  })
})
