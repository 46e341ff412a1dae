import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { derivedId } from '../../src/producers/input/derived-id.js'
import { folderWith } from '../producers/input/tables.js'
import { checkedIn, photosIn, rowsOf } from './read-vectors.js'

async function file(name: string, content: string | Buffer): Promise<string> {
  return join(await folderWith({ [name]: content }), name)
}

const NUMBERED = Array.from({ length: 8 }, (_, i) => i)

describe('CSV', () => {
  test.each<[string, string, { vectorColumn?: string }?]>([
    ['as JSON', 'photo_id,embedding\na,"[0.5, -2]"\n'],
    ['as NumPy prints it', 'photo_id,embedding\na,[0.5 -2. ]\n'],
    ['with semicolons, in parentheses', 'photo_id,vector\na,(0.5;-2)\n'],
    ['separated by tabs', 'photo_id\tvector\na\t[0.5,-2]\n'],
    ['in a column of any name', 'photo_id,mine\na,"[0.5, -2]"\n', { vectorColumn: 'mine' }],
    ['in numbered columns', 'photo_id,v1,v2\na,0.5,-2\n', { vectorColumn: 'v' }],
  ])('A vector %s is read', async (_, text, options = {}) => {
    const [row] = await rowsOf(await file('v.csv', text), options)
    expect(row).toMatchObject({ line: 2, numbers: [0.5, -2], record: { photo_id: 'a' } })
  })

  test('Numbered columns are found by themselves, in the order of their numbers, compressed too', async () => {
    const header = ['photo_id', ...NUMBERED.toReversed().map(i => `feat_${i}`)].join(',')
    const path = await file('v.csv.gz', gzipSync(`${header}\na,7,6,5,4,3,2,1,0\n`))
    const [row] = await rowsOf(path, { dimension: 8 })
    expect(row?.numbers).toEqual(NUMBERED)
  })

  test('Bad rows', async () => {
    const rows = [
      'a,"[1, 0]"',
      'b,',
      'c,"[1, x]"',
      'd,"[1, 0, 0]"',
      'e,"[nan, 1]"',
      'f,"[0.1 0.2 ... 0.3]"',
      'g,[1 0],more',
      'h,"[1, 0]',
      'a,[0 1]',
      'i,[]',
      'j,[1 -inf]',
    ]
    const { bad } = await checkedIn(await file('v.csv', `photo_id,embedding\n${rows.join('\n')}\n`))
    expect(bad).toEqual([
      [3, 'NO_VECTOR'],
      [4, 'BAD_VECTOR'],
      [5, 'WRONG_DIMENSION'],
      [6, 'NOT_FINITE'],
      [7, 'BAD_VECTOR'],
      [8, 'WRONG_COLUMN_COUNT'],
      [9, 'BAD_QUOTES'],
      [10, 'DUPLICATE_ID'],
      [11, 'WRONG_DIMENSION'],
      [12, 'NOT_FINITE'],
    ])
  })

  test('A gap in numbered columns is a bad number', async () => {
    const header = ['photo_id', ...NUMBERED.map(i => `v${i}`)].join(',')
    const { bad } = await checkedIn(
      await file('v.csv', `${header}\na,1,,3,4,5,6,7,8\nb,1,x,3,4,5,6,7,8\nc,,,,,,,,\n`),
      {
        dimension: 8,
      },
    )
    expect(bad).toEqual([
      [2, 'NOT_FINITE'],
      [3, 'BAD_VECTOR'],
      [4, 'NO_VECTOR'],
    ])
  })

  test.each([
    ['without vectors', 'photo_id,url\na,b\n', {}, 'INPUT_COLUMNS_MISSING'],
    ['without the id column', 'photo_id,embedding\na,[1 0]\n', { idColumn: 'name' }, 'INPUT_COLUMNS_MISSING'],
    ['that is empty', '', {}, 'INPUT_INVALID'],
    ['in UTF-16', Buffer.from('\uFEFFphoto_id,embedding\n', 'utf16le'), {}, 'INPUT_INVALID'],
    [
      'with gaps in its numbered columns',
      'photo_id,v0,v1,v3\na,1,2,3\n',
      { vectorColumn: 'v' },
      'INPUT_COLUMNS_MISSING',
    ],
  ])('A table %s is refused', async (_, text, options, code) => {
    await expect(rowsOf(await file('v.csv', text), options)).rejects.toMatchObject({ code })
  })
})

describe('JSON Lines', () => {
  test('Objects with a list of numbers; what is bad costs only its line', async () => {
    const lines = [
      '{"photo_id": "a", "embedding": [1, 0], "photo_description": "a NaN"}',
      '{"photo_id": "b", "embedding": [NaN, 1]}',
      '{"photo_id": "c", "embedding": [null, 1]}',
      '{"photo_id": "d", "embedding": "[0 1]"}',
      '{"photo_id": "e", "embedding": [1, "x"]}',
      '{"photo_id": "f", "embedding": [[1], [0]]}',
      '{"photo_id": "g"}',
      '{"photo_id": "h", "embedding": null}',
      '{"photo_id": "i", "embedding": [1, 0]',
      '[1, 0]',
      '',
      '{"photo_id": 7, "embedding": [1, -Infinity]}',
      '{"embedding": [1, 0]}',
      '{"photo_id": 8, "embedding": {"a": 1}}',
    ]
    const { summary, bad } = await checkedIn(await file('v.jsonl', lines.join('\n')))
    expect(bad).toEqual([
      [2, 'NOT_FINITE'],
      [3, 'NOT_FINITE'],
      [5, 'BAD_VECTOR'],
      [6, 'BAD_VECTOR'],
      [7, 'NO_VECTOR'],
      [8, 'NO_VECTOR'],
      [9, 'BAD_JSON'],
      [10, 'BAD_JSON'],
      [12, 'NOT_FINITE'],
      [13, 'NO_ID'],
      [14, 'BAD_VECTOR'],
    ])
    expect(summary.rows).toBe(13)
  })
})

describe('The id of a photo', () => {
  const idsIn = async (record: Record<string, unknown>, idColumn?: string) => {
    const path = await file('v.jsonl', `${JSON.stringify({ ...record, embedding: [1, 0] })}\n`)
    const photos = await photosIn(path, { idColumn })
    return photos.map(({ photo_id: id, photo_image_url: url }) => `${id} ${url}`.trim())
  }
  const url = 'https://photos.test/1.jpg'

  test.each([
    ['is photo_id', { photo_id: 'mine', url, key: '7' }, undefined, `mine ${url}`],
    ['is that of the column that is named', { photo_id: 'mine', key: '7' }, 'key', '7'],
    ['follows from the URL, as ingest derives it', { url, key: '7' }, undefined, `${derivedId(url)} ${url}`],
    ['is the key of a sample', { key: '000000012', image_path: 'x.jpg' }, undefined, '000000012'],
    ['is the name of a file', { image_path: '/photos/of-me/abc_1.jpg' }, undefined, 'abc_1'],
    ['may be a number', { id: 12 }, undefined, '12'],
    [
      'is alone where the address is that of a file',
      { photo_id: 'mine', url: 'file:///etc/passwd' },
      undefined,
      'mine',
    ],
  ])('%s', async (_, record, idColumn, expected) => {
    expect(await idsIn(record, idColumn)).toEqual([expected])
  })
})
