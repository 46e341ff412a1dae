import { describe, expect, test } from 'vitest'
import { parseMatrix, readMatrix } from '../../../src/models/check/npy.js'
import { npyFile } from '../../support/models/npy-file.js'

const MATRIX = [
  [0.5, -1, 2],
  [0, 0.25, 1e-3],
]
const parse = (file: Buffer) => parseMatrix(file, 'vectors.npy').map(row => [...row])

describe('a .npy file', () => {
  test.each([1, 2, 3])('of version %i gives its rows', version => {
    expect(parse(npyFile(MATRIX, { version }))).toEqual(MATRIX.map(row => row.map(Math.fround)))
  })

  test('of float64 is rounded to single precision', () => {
    expect(parse(npyFile(MATRIX, { descr: '<f8' }))).toEqual(MATRIX.map(row => row.map(Math.fround)))
  })

  test('of float16 gives the exact value of every kind of half', () => {
    const halves = [0x3c00, 0xc000, 0x3555, 0x0001, 0x03ff, 0x0400, 0x7bff, 0x8000, 0x7c00, 0xfc00, 0x7e00]
    expect(parse(npyFile([halves], { descr: '<f2' }))).toEqual([
      [1, -2, 0.333251953125, 2 ** -24, 1023 * 2 ** -24, 2 ** -14, 65504, -0, Infinity, -Infinity, NaN],
    ])
  })

  const whole = npyFile(MATRIX)
  test.each([
    ['is something else', Buffer.from('photo_id,x\n'), /expected a file that begins with \\x93NUMPY, found "photo_"/],
    ['is empty', Buffer.alloc(0), /expected a file that begins with/],
    ['ends in its header', whole.subarray(0, 40), /expected a header of 128 bytes, found a file of 40/],
    ['is of version 4', npyFile(MATRIX, { version: 4 }), /expected format version 1, 2 or 3, found version 4/],
    [
      'is big-endian',
      npyFile(MATRIX, { descr: '>f4' }),
      /expected numbers of type '<f2', '<f4' or '<f8', found .*'>f4'/,
    ],
    ['holds integers', npyFile(MATRIX, { descr: '<i4' }), /expected numbers of type/],
    [
      'is column by column',
      npyFile(MATRIX, { fortran: 'True' }),
      /expected rows one after the other.*ascontiguousarray/,
    ],
    ['is a vector', npyFile(MATRIX, { shape: '(6,)' }), /expected a matrix: two dimensions, found .*\(6,\)/],
    ['has three dimensions', npyFile(MATRIX, { shape: '(1, 2, 3)' }), /expected a matrix: two dimensions/],
    ['is cut', whole.subarray(0, -4), /expected 24 bytes of data, 2 × 3 × 4, found 20/],
    [
      'goes on after its end',
      Buffer.concat([whole, Buffer.alloc(1)]),
      /expected 24 bytes of data, 2 × 3 × 4, found 25/,
    ],
  ])('that %s is refused', (_, file, message) => {
    expect(() => parse(file)).toThrow(
      expect.objectContaining({ code: 'INPUT_INVALID', message: expect.stringMatching(message) }),
    )
  })

  test('that is not there is refused by its path', async () => {
    await expect(readMatrix('/nowhere/vectors.npy')).rejects.toMatchObject({
      code: 'INPUT_NOT_FOUND',
      message: expect.stringContaining('/nowhere/vectors.npy'),
    })
  })
})
