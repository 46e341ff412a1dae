import { join } from 'node:path'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { pack } from 'tar-stream'
import { describe, expect, test } from 'vitest'
import { openVectors } from '../../src/imports/open-vectors.js'
import { folderWith } from '../producers/input/tables.js'
import { npyFile } from '../support/models/npy-file.js'
import { checkedIn, rowsOf } from './read-vectors.js'

const keys = (...names: string[]): Buffer =>
  Buffer.from(parquetWriteBuffer({ columnData: [{ name: 'key', data: names, type: 'STRING' }] }))

async function tar(files: Record<string, string | Buffer>): Promise<Buffer> {
  const archive = pack()
  for (const [name, content] of Object.entries(files)) archive.entry({ name }, content)
  archive.finalize()
  const chunks: Buffer[] = []
  for await (const chunk of archive) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

const vector = (...numbers: number[]): Buffer => npyFile([numbers], { shape: `(${numbers.length},)` })

describe('The output folder of clip-retrieval', () => {
  const files = {
    'img_emb/img_emb_0.npy': npyFile([[1, 0]]),
    'metadata/metadata_0.parquet': keys('a'),
    'img_emb/img_emb_2.npy': npyFile([[0, 1]]),
    'metadata/metadata_2.parquet': keys('b'),
    'img_emb/img_emb_10.npy': npyFile([[0.6, 0.8]]),
    'metadata/metadata_10.parquet': keys('c'),
  }

  test('is read in the order of its numbers, each matrix with its metadata', async () => {
    const folder = await folderWith(files)
    const rows = await rowsOf(folder)
    expect(rows.map(row => 'record' in row && row.record.key)).toEqual(['a', 'b', 'c'])
    expect(rows[2]!.numbers!.map(value => value.toFixed(1))).toEqual(['0.6', '0.8'])
    const withTexts = await folderWith({ ...files, 'text_emb/text_emb_0.npy': npyFile([[1, 0]]) })
    const source = await openVectors([withTexts], { dimension: 2 })
    expect([source.total, source.warnings]).toEqual([3, [expect.stringContaining('text_emb is left out')]])
  })

  test.each([
    [
      'a matrix without metadata',
      { 'metadata/metadata_2.parquet': 'no' as const },
      /metadata_2\.parquet .* found none/,
    ],
    ['other counts', { 'metadata/metadata_2.parquet': keys('b', 'c') }, /found 1 and 2/],
    ['other dimensions', { 'img_emb/img_emb_2.npy': npyFile([[1, 0, 0]]) }, /found 3/],
  ])('with %s is refused as a whole', async (_, changed, message) => {
    const all = Object.entries({ ...files, ...changed }).filter(([, content]) => content !== 'no')
    const read = rowsOf(await folderWith(Object.fromEntries(all)))
    await expect(read).rejects.toMatchObject({ code: 'INPUT_INVALID', message: expect.stringMatching(message) })
  })
})

describe('Shards of WebDataset', () => {
  test('have a sample per key; its other files are passed over', async () => {
    const shard = await tar({
      'a.jpg': 'a picture',
      'a.json': '{"photo_description": "one", "url": "https://photos.test/a.jpg", "photo_id": "first"}',
      'a.npy': vector(1, 0),
      'sub/b.npy': vector(0, 1),
      'c.txt': 'no vector',
      'd.npy': 'no numbers',
      'e.npy': vector(1, 0, 0),
      'f.npy': vector(1, 0),
      'f.json': '[]',
    })
    const folder = await folderWith({ '00000.tar': shard, '00001.tar': await tar({ 'g.npy': vector(1, 0) }) })
    const rows = await rowsOf(folder)
    expect(rows.slice(0, 2)).toMatchObject([
      { record: { __key__: 'a', photo_id: 'first' }, numbers: [1, 0] },
      { record: { __key__: 'b' }, numbers: [0, 1] },
    ])
    expect((await checkedIn(folder)).bad).toEqual([
      [3, 'NO_VECTOR'],
      [4, 'BAD_VECTOR'],
      [5, 'WRONG_DIMENSION'],
      [6, 'BAD_JSON'],
    ])
    const cut = await folderWith({ 'x.tar': shard.subarray(0, 1200) })
    await expect(rowsOf(cut)).rejects.toMatchObject({ code: 'INPUT_INVALID' })
  })
})

test('A folder without vectors is refused, and one with a matrix alone asks for ids', async () => {
  await expect(rowsOf(await folderWith({ 'a.txt': 'x' }))).rejects.toMatchObject({ code: 'INPUT_INVALID' })
  const alone = await folderWith({ 'v.npy': npyFile([[1, 0]]) })
  await expect(rowsOf(alone)).rejects.toMatchObject({ code: 'USAGE', message: expect.stringContaining('--ids FILE') })
  await expect(rowsOf(join(alone, 'missing'))).rejects.toMatchObject({ code: 'INPUT_NOT_FOUND' })
})
