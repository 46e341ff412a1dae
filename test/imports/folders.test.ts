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

describe('A folder of TensorBoard', () => {
  const files = {
    'tensors.tsv': '1\t0\n0\t1\n0.6\t0.8',
    'metadata.tsv': 'photo_id\tphoto_description\tlabel_time\na\tone\tday\nb\t\tnight\nc\tthree\t\n',
  }
  const config = (...paths: string[][]) =>
    paths.map(([tensors, metadata]) => `embeddings {\n tensor_path: "${tensors}"\n${metadata}}\n`).join('')

  test('has the vectors in one table, and what is known of them in another', async () => {
    const folder = await folderWith(files)
    expect(await rowsOf(folder)).toMatchObject([
      { line: 1, numbers: [1, 0], record: { photo_id: 'a', photo_description: 'one' } },
      { line: 2, numbers: [0, 1], record: { photo_id: 'b', photo_description: '' } },
      { line: 3, numbers: [0.6, 0.8], record: { photo_id: 'c' } },
    ])
    const source = await openVectors([folder], { dimension: 2 })
    expect([source.total, source.leftOut()]).toEqual([3, ['label_time']])
  })

  test('may say where its tables are; a single column has no header and holds the ids', async () => {
    const folder = await folderWith({
      'projector_config.pbtxt': config(['00000/t.tsv', 'metadata_path: "00000/m.tsv"\n']),
      '00000/t.tsv': '1\t0\n0\tx\n',
      '00000/m.tsv': 'first\nsecond\n',
    })
    expect(await rowsOf(folder)).toMatchObject([{ id: 'first', numbers: [1, 0] }, { problem: { code: 'BAD_VECTOR' } }])
  })

  test('has bad rows as others', async () => {
    const folder = await folderWith({ ...files, 'tensors.tsv': '1\t0\n\t\n1\t0\t0\n' })
    expect((await checkedIn(folder)).bad).toEqual([
      [2, 'NO_VECTOR'],
      [3, 'WRONG_DIMENSION'],
    ])
    const short = await folderWith({ ...files, 'metadata.tsv': 'photo_id\tb\na\nb\tx\nc\ty\n' })
    expect((await checkedIn(short)).bad).toEqual([[1, 'WRONG_COLUMN_COUNT']])
  })

  test.each([
    ['without metadata', { 'tensors.tsv': '1\t0\n' }, /expected metadata\.tsv with the ids/],
    ['with other numbers of lines', { ...files, 'tensors.tsv': '1\t0\n' }, /expected 1 lines of metadata, .* found 3/],
    [
      'with a configuration that leads elsewhere',
      { ...files, 'projector_config.pbtxt': config(['../tensors.tsv', 'metadata_path: "metadata.tsv"']) },
      /expected files in this folder, found \.\.\/tensors\.tsv/,
    ],
    [
      'with a configuration without ids',
      { ...files, 'projector_config.pbtxt': config(['tensors.tsv', '']) },
      /metadata_path/,
    ],
  ])('%s is refused', async (_, changed, message) => {
    const read = rowsOf(await folderWith(changed))
    await expect(read).rejects.toMatchObject({ code: 'INPUT_INVALID', message: expect.stringMatching(message) })
  })
})

test('Columns of which nothing is kept are named', async () => {
  const leftOut = async (files: Record<string, string | Buffer>) => {
    const source = await openVectors([await folderWith(files)], { dimension: 2 })
    for await (const _ of source.rows());
    return source.leftOut()
  }
  const row = { photo_id: 'a', label_time: 'day', exif_iso: 100, stored_key: null, vector: [1, 0] }
  expect(await leftOut({ 'a.jsonl': JSON.stringify(row) })).toEqual(['label_time', 'stored_key'])
  expect(await leftOut({ 'a.csv': 'photo_id,label_time,vector\na,day,"[1,0]"\n' })).toEqual(['label_time'])
  expect(await leftOut({ 'a.tar': await tar({ 'a.json': '{"label_time": "day"}', 'a.npy': vector(1, 0) }) })).toEqual([
    'label_time',
  ])
})

test('A folder without vectors is refused, and one with a matrix alone asks for ids', async () => {
  await expect(rowsOf(await folderWith({ 'a.txt': 'x' }))).rejects.toMatchObject({ code: 'INPUT_INVALID' })
  const alone = await folderWith({ 'v.npy': npyFile([[1, 0]]) })
  await expect(rowsOf(alone)).rejects.toMatchObject({ code: 'USAGE', message: expect.stringContaining('--ids FILE') })
  await expect(rowsOf(join(alone, 'missing'))).rejects.toMatchObject({ code: 'INPUT_NOT_FOUND' })
})
