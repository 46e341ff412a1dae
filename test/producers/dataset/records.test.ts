import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { derivedId } from '../../../src/producers/input/derived-id.js'
import { openInput } from '../../../src/producers/input/open-input.js'
import type { SourceRow } from '../../../src/producers/input/source.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unsplash-clip-records-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function rowsOf(...paths: string[]): Promise<SourceRow[]> {
  const source = await openInput(paths)
  const rows: SourceRow[] = []
  for await (const row of source.rows()) rows.push(row)
  await source.close()
  return rows
}

describe('JSON Lines', () => {
  test('of img2dataset have a photo per URL, with its caption and size', async () => {
    const file = join(folder, 'laion.jsonl')
    const url = 'https://images.example/a b.jpg'
    const lines = [
      JSON.stringify({ url, caption: 'A dog', width: 640, height: 480, similarity: 0.3 }),
      '',
      JSON.stringify({ URL: 'https://images.example/2.jpg', TEXT: 'A cat' }),
      JSON.stringify({ photo_id: 'x1', photo_image_url: 'https://images.example/3.jpg', exif_iso: 400, url: 'other' }),
    ]
    await writeFile(file, lines.join('\n'))
    const rows = await rowsOf(file)
    expect(rows.map(row => row.line)).toEqual([1, 3, 4])
    expect(rows.map(row => row.photo)).toMatchObject([
      {
        photo_id: derivedId('https://images.example/a%20b.jpg'),
        photo_image_url: 'https://images.example/a%20b.jpg',
        photo_description: 'A dog',
        photo_width: 640,
        photo_height: 480,
      },
      { photo_image_url: 'https://images.example/2.jpg', photo_description: 'A cat' },
      { photo_id: 'x1', photo_image_url: 'https://images.example/3.jpg', exif_iso: 400 },
    ])
  })

  test('that are broken cost only themselves', async () => {
    const file = join(folder, 'bad.jsonl')
    await writeFile(
      file,
      '{"url":"https://images.example/1.jpg"}\n{"url":\n[1]\n{"url":"ftp://x/1"}\n{"file_name":"a.jpg"}\n',
    )
    expect((await rowsOf(file)).map(row => row.problem?.code)).toEqual([
      undefined,
      'BAD_JSON',
      'BAD_JSON',
      'NOT_A_URL',
      'NO_URL',
    ])
  })
})

describe('Parquet', () => {
  const write = (name: string, columns: Record<string, unknown[]>) =>
    writeFile(
      join(folder, name),
      Buffer.from(
        parquetWriteBuffer({
          columnData: Object.entries(columns).map(([column, data]) => ({ name: column, data })),
          rowGroupSize: 700,
        } as never),
      ),
    )

  test('of LAION is read row by row, over row groups and pages of rows', async () => {
    const count = 11_000
    const numbers = Array.from({ length: count }, (_, i) => i)
    await write('laion.parquet', {
      URL: numbers.map(i => `https://images.example/${i}.jpg`),
      TEXT: numbers.map(i => `caption ${i}`),
      WIDTH: numbers.map(i => 100 + i),
      pwatermark: numbers.map(i => i / count),
    })
    const rows = await rowsOf(join(folder, 'laion.parquet'))
    expect(rows).toHaveLength(count)
    expect(rows[10_500]).toMatchObject({
      line: 10_501,
      photo: {
        photo_image_url: 'https://images.example/10500.jpg',
        photo_description: 'caption 10500',
        photo_width: 10_600,
      },
    })
  })

  test('in a folder is read file by file, in the order of their numbers', async () => {
    await mkdir(join(folder, 'data'))
    for (const i of [0, 1])
      await write(`data/train-0000${i}-of-00002.parquet`, { url: [`https://images.example/${i}`] })
    expect((await rowsOf(join(folder, 'data'))).map(row => row.photo?.photo_image_url)).toEqual([
      'https://images.example/0',
      'https://images.example/1',
    ])
  })

  test.each([
    [
      'without a column of photos',
      { label: [1] },
      /a column url or photo_image_url, or one of images, expected; found label/,
    ],
    ['that is cut', null, /whole Parquet data expected, found damaged ones/],
  ])('%s is refused', async (_what, columns, message) => {
    const file = join(folder, 'bad.parquet')
    if (columns) await write('bad.parquet', columns)
    else await writeFile(file, 'PAR1 and nothing else')
    await expect(rowsOf(file)).rejects.toMatchObject({ code: 'INPUT_INVALID', message: expect.stringMatching(message) })
  })
})
