import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openInput } from '../../src/producers/input/open-input.js'
import type { BadRow, PhotoRow } from '../../src/producers/input/source.js'
import { zipFile } from '../producers/input/zip-file.js'

const MEBIBYTE = 1024 * 1024
const HEADER = 'photo_id,photo_image_url,photo_description\n'
const ROW = 'a,https://images.example/a.jpg,fine\n'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'unsplash-clip-hostile-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

async function read(name: string, content: string | Buffer): Promise<{ photos: PhotoRow[]; bad: BadRow[] }> {
  const path = join(folder, name)
  writeFileSync(path, content)
  const source = await openInput(path)
  const photos: PhotoRow[] = []
  const bad: BadRow[] = []
  try {
    for await (const row of source.rows()) {
      if (row.photo) photos.push(row)
      else bad.push(row)
    }
  } finally {
    await source.close()
  }
  return { photos, bad }
}

describe('the URL of an image in a dataset', () => {
  test.each([
    'file:///etc/passwd',
    'FILE:///etc/passwd',
    'file://localhost/etc/passwd',
    'ftp://images.example/a.jpg',
    'data:image/png;base64,AAAA',
    'javascript:alert(1)',
    'gopher://127.0.0.1:6379/_FLUSHALL',
    's3://photos/a.jpg',
    '/etc/passwd',
    '//images.example/a.jpg',
    'https:images.example/a.jpg',
    'https://images .example/a.jpg',
    'https://images.example/a.jpg https://images.example/b.jpg',
    'https://images.example/a\r\nX-Injected: 1',
    'https://images.example/a\u0000.jpg',
    'https://images.example/a\u007f.jpg',
    'https://',
    'https://[::1',
    `https://images.example/${'a'.repeat(9000)}`,
  ])('is refused, in a table and in a list: %j', async url => {
    const { photos, bad } = await read('photos.csv', `${HEADER}a,"${url}",x\n`)
    expect(photos).toEqual([])
    expect(bad.map(row => row.problem.code)).toEqual(['NOT_A_URL'])
    const list = await read('list.txt', `https://images.example/first.jpg\n${url}\n`)
    const others = list.photos.filter(row => row.photo.photo_image_url !== 'https://images.example/first.jpg')
    // Of a line break nothing but two lines is left, of which each is what it is.
    if (!/[\r\n]/.test(url)) expect(others).toEqual([])
    for (const row of others) expect(row.photo.photo_image_url).toMatch(/^https:\/\/images\.example\/a$/)
  })
})

describe('a photo id in a dataset', () => {
  test.each(['../../etc/passwd', 'a/b', '..', '', 'a b', `${'a'.repeat(65)}`, "a'; --", '=1+1', 'ä', 'a\u0000'])(
    'is refused unless it is letters, digits, _ and -: %j',
    async id => {
      const { photos, bad } = await read('photos.csv', `${HEADER}"${id}",https://images.example/a.jpg,x\n`)
      expect(photos).toEqual([])
      expect(bad[0]?.problem.code).toMatch(/^(BAD_ID|NO_ID)$/)
    },
  )
})

describe('an archive', () => {
  test('writes nothing anywhere, whatever its entries are called', async () => {
    const names = [
      '../photos.tsv000',
      '/tmp/photos.tsv001',
      'C:\\photos.tsv002',
      '..\\..\\photos.tsv003',
      'a/../../photos.tsv004',
    ]
    const entries = names.map((name, i) => ({
      name,
      content: Buffer.from(`${HEADER}p${i},https://images.example/${i}.jpg,x\n`),
    }))
    const outside = () => [
      readdirSync(folder),
      readdirSync(join(folder, '..')).filter(name => name.startsWith('photos.')),
    ]
    writeFileSync(join(folder, 'slip.zip'), '')
    const before = outside()
    const { photos } = await read('slip.zip', zipFile(entries)).catch(error => {
      // Entries that only an attack would have may as well be refused as damage.
      expect(error).toMatchObject({ code: 'INPUT_INVALID' })
      return { photos: [] }
    })
    for (const row of photos) expect(row.photo.photo_image_url).toMatch(/^https:/)
    expect(outside()).toEqual(before)
  })

  test.each([
    ['bomb.zip', () => zipFile([{ name: 'photos.tsv000', content: bomb() }])],
    ['photos.csv.gz', () => gzipSync(bomb())],
  ])('that is a bomb is refused before it is read to its end: %s', { timeout: 240_000 }, async (name, archive) => {
    const packed = archive()
    expect(packed.length).toBeLessThan(MEBIBYTE)
    await expect(read(name, packed)).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringContaining('at most 250 times its size'),
    })
  })

  function bomb(): Buffer {
    return Buffer.concat([Buffer.from(HEADER + ROW), Buffer.alloc(300 * MEBIBYTE, 'x')])
  }
})

describe('a table', () => {
  test('costs one row where a field, a row or its bytes are out of bounds, and reading goes on', async () => {
    const content = Buffer.concat([
      Buffer.from(HEADER),
      Buffer.from(`big,https://images.example/b.jpg,${'x'.repeat(2 * MEBIBYTE)}\n`),
      Buffer.from(`wide,https://images.example/b.jpg${',x'.repeat(100_000)}\n`),
      Buffer.from(`quote,https://images.example/b.jpg,"never closed\n`),
      Buffer.from('latin,https://images.example/b.jpg,caf\xe9\n', 'latin1'),
      Buffer.from(`nul,https://images.example/b.jpg,a\u0000b\n`),
      Buffer.from(ROW),
    ])
    const { photos, bad } = await read('photos.csv', content)
    expect(bad.map(row => row.problem.code)).toEqual([
      'ROW_TOO_LONG',
      'WRONG_COLUMN_COUNT',
      'BAD_QUOTES',
      'BROKEN_UTF8',
    ])
    expect(photos.map(row => [row.photo.photo_id, row.photo.photo_description])).toEqual([
      ['nul', 'ab'],
      ['a', 'fine'],
    ])
    for (const row of bad) expect(row.problem.found.length).toBeLessThan(200)
  })

  test('of a million columns is refused', async () => {
    const names = Array.from({ length: 200_000 }, (_, i) => `c${i}`).join(',')
    await expect(read('photos.csv', `${names}\n${ROW}`)).rejects.toMatchObject({
      code: expect.stringMatching(/^INPUT_/),
    })
  })
})
