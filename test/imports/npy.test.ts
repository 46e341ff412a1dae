import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { toHalf } from '../../src/domain/half.js'
import { folderWith } from '../producers/input/tables.js'
import { npyFile } from '../support/models/npy-file.js'
import { checkedIn, rowsOf } from './read-vectors.js'

const ROWS = [
  [0.5, -2],
  [3, 0.25],
  [-1, 8],
]
const IDS = 'a\nb\nc\n'

async function files(vectors: Buffer, ids: string | Buffer = IDS) {
  const folder = await folderWith({ 'v.npy': vectors, 'ids.txt': ids })
  return { npy: join(folder, 'v.npy'), ids: join(folder, 'ids.txt') }
}

const swapped = (file: Buffer, bytes: 2 | 4 | 8): Buffer => {
  const start = 10 + file.readUInt16LE(8)
  const data = Buffer.from(file.subarray(start))
  return Buffer.concat([file.subarray(0, start), { 2: data.swap16(), 4: data, 8: data }[bytes]])
}

const halves = ROWS.map(row => row.map(toHalf))
const columnsFirst = [ROWS.flatMap(row => row[0]!), ROWS.flatMap(row => row[1]!)]

test.each([
  ['float32', npyFile(ROWS)],
  ['float32, format 2', npyFile(ROWS, { version: 2 })],
  ['float32, format 3', npyFile(ROWS, { version: 3 })],
  ['float64', npyFile(ROWS, { descr: '<f8' })],
  ['float16', npyFile(halves, { descr: '<f2' })],
  ['float16 with the bytes of a big-endian machine', swapped(npyFile(halves, { descr: '>f2' }), 2)],
  ['columns first', npyFile(columnsFirst, { fortran: 'True', shape: '(3, 2)' })],
  ['float64, columns first', npyFile(columnsFirst, { descr: '<f8', fortran: 'True', shape: '(3, 2)' })],
  ['the numbers of Python 2', npyFile(ROWS, { shape: '(3L, 2L)' })],
])('%s is read', async (_, vectors) => {
  const { npy, ids } = await files(vectors)
  const rows = await rowsOf(npy, { ids })
  expect(rows.map(row => row.numbers)).toEqual(ROWS)
  expect(rows).toMatchObject([
    { line: 1, part: npy, id: 'a' },
    { line: 2, id: 'b' },
    { line: 3, id: 'c' },
  ])
})

test('ids may be an array of texts', async () => {
  const text = (width: number, bytes: number) => (id: string) => {
    const data = Buffer.alloc(width * bytes)
    for (const [i, letter] of [...id].entries()) data.writeUInt8(letter.charCodeAt(0), i * bytes)
    return data
  }
  for (const [descr, bytes] of [
    ['<U3', 4],
    ['|S3', 1],
  ] as const) {
    const header = npyFile([], { descr, shape: '(3,)' })
    const { npy, ids } = await files(npyFile(ROWS), Buffer.concat([header, ...['a', 'bcd', 'e'].map(text(3, bytes))]))
    expect((await rowsOf(npy, { ids })).map(row => 'id' in row && row.id)).toEqual(['a', 'bcd', 'e'])
  }
})

describe('An .npy file is refused', () => {
  test.each([
    ['without ids', npyFile(ROWS), { ids: undefined }, 'USAGE'],
    ['with fewer ids than rows', npyFile(ROWS), {}, 'INPUT_INVALID', 'a\nb\n', /3 ids, .* found 2/],
    ['with more ids than rows', npyFile(ROWS), {}, 'INPUT_INVALID', 'a\nb\nc\nd\n', /found 4/],
    ['that is cut short', npyFile(ROWS).subarray(0, -3), {}, 'INPUT_INVALID', IDS, /cut short/],
    ['with bytes after its end', Buffer.concat([npyFile(ROWS), Buffer.alloc(4)]), {}, 'INPUT_INVALID'],
    ['with objects', npyFile(ROWS, { descr: '|O' }), {}, 'INPUT_INVALID', IDS, /pickle/],
    ['with whole numbers', npyFile(ROWS, { descr: '<i4' }), {}, 'INPUT_INVALID', IDS, /type <i4/],
    ['of one dimension', npyFile(ROWS, { shape: '(6,)' }), {}, 'INPUT_INVALID', IDS, /shape \(6\)/],
    ['of another dimension than the model', npyFile(ROWS), { dimension: 3 }, 'INPUT_INVALID', IDS, /found 2/],
    ['with a header that is no dict', npyFile(ROWS, { shape: '__import__("os")' }), {}, 'INPUT_INVALID', IDS, /dict/],
    ['with a negative shape', npyFile(ROWS, { shape: '(-3, 2)' }), {}, 'INPUT_INVALID'],
    ['of a later format', npyFile(ROWS, { version: 4 }), {}, 'INPUT_INVALID', IDS, /version 4/],
    ['that is none', Buffer.from('no numbers'), {}, 'INPUT_INVALID', IDS, /as its name says/],
    ['that holds several arrays', Buffer.from('PK\u0003\u0004 an archive'), {}, 'INPUT_INVALID', IDS, /npz/],
  ])('%s', async (_, vectors, options, code, idTexts = IDS, message = /./) => {
    const { npy, ids } = await files(vectors, idTexts as string)
    const read = rowsOf(npy, { ids, ...(options as object) })
    await expect(read).rejects.toMatchObject({ code, message: expect.stringMatching(message as RegExp) })
  })

  test('that does not exist, or whose ids do not', async () => {
    const { npy } = await files(npyFile(ROWS))
    await expect(rowsOf('missing.npy', { ids: npy })).rejects.toMatchObject({ code: 'INPUT_NOT_FOUND' })
    await expect(rowsOf(npy, { ids: 'missing.txt' })).rejects.toMatchObject({ code: 'INPUT_NOT_FOUND' })
  })
})

test('A bad row costs only itself: counted with its number and a code', async () => {
  const rows = [
    [1, 0],
    [Number.NaN, 1],
    [0, 0],
    [Number.POSITIVE_INFINITY, 1],
    [0.6, 0.8],
    [0, 1],
    [1, 0],
    [1, 0],
    [30, 40],
    [1e-30, 0],
    [-0.0004, 1],
  ]
  const names = ['good1', 'nan', 'zero', 'infinite', 'good1', '', 'a b', 'x'.repeat(65), 'scaled', 'tiny', 'nul\0']
  const { npy, ids } = await files(npyFile(rows), `${names.join('\n')}\n`)
  const { summary, bad } = await checkedIn(npy, { ids })
  expect(bad).toEqual([
    [2, 'NOT_FINITE'],
    [3, 'ZERO_VECTOR'],
    [4, 'NOT_FINITE'],
    [5, 'DUPLICATE_ID'],
    [6, 'NO_ID'],
    [7, 'BAD_ID'],
    [8, 'BAD_ID'],
    [11, 'BAD_ID'],
  ])
  expect(summary).toMatchObject({ rows: 11, badRows: 8, scaled: 2 })
})
