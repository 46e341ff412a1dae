import { createHash } from 'node:crypto'
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { contentId } from '../../../src/domain/content-id.js'
import { readChangedFiles } from '../../../src/producers/input/image-folder-reader.js'
import { openInput } from '../../../src/producers/input/open-input.js'
import type { SourceRow } from '../../../src/producers/input/source.js'
import { noneSkipped } from '../../../src/producers/places/choose-files.js'
import { folderWith, numbered, problems, readAll, readContent, temporaryFolder, tsv } from './tables.js'
import { zipFile } from './zip-file.js'

const THREE = tsv(numbered(3))
const contentIdOf = (text: string) => contentId(createHash('sha256').update(text).digest())

describe('openInput', () => {
  test('tells gzip by content, whatever the name', async () => {
    for (const name of ['photos.tsv000', 'photos.tsv000.gz', 'photos.csv.gz'])
      expect((await readContent(name, gzipSync(THREE))).photos).toHaveLength(3)
  })

  for (const zip64 of [false, true])
    test(`reads the dataset from its ${zip64 ? 'zip64' : 'zip'} archive, parts in order`, async () => {
      const archive = zipFile(
        [
          { name: 'unsplash/photos.tsv001', content: Buffer.from(tsv(numbered(2, 10))) },
          { name: 'unsplash/keywords.tsv000', content: Buffer.from('photo_id\tkeyword\n') },
          { name: 'unsplash/photos.tsv000', content: Buffer.from(THREE) },
          { name: '__MACOSX/unsplash/._photos.tsv000', content: Buffer.from('junk') },
        ],
        { zip64 },
      )
      const { photos, source } = await readContent('dataset.zip', archive)
      expect(source.kind).toBe('table')
      expect(photos.map(row => Number(row.photo.photo_id.slice(5)))).toEqual([1, 2, 3, 10, 11])
      expect(photos[0]?.part).toMatch(/dataset\.zip:unsplash\/photos\.tsv000$/)
    })

  test('can be read again, and after reading was broken off', async () => {
    const folder = await folderWith({ 'a.zip': zipFile([{ name: 'photos-5k.csv', content: Buffer.from(THREE) }]) })
    const source = await openInput(join(folder, 'a.zip'))
    const lines: number[] = []
    for await (const row of source.rows()) {
      lines.push(row.line)
      break
    }
    for await (const row of source.rows()) lines.push(row.line)
    await source.close()
    expect(lines).toEqual([2, 2, 3, 4])
  })

  test('refuses archives that are encrypted, damaged, cut short or without photos', async () => {
    const content = Buffer.from(THREE)
    const name = 'photos.tsv000'
    const whole = zipFile([{ name, content }])
    for (const [archive, message] of [
      [zipFile([{ name, content, encrypted: true }]), /encrypted/],
      [zipFile([{ name, content, checksum: 1 }]), /checksum/],
      [whole.subarray(0, whole.length - 30), /zip archive/],
      [zipFile([{ name: 'readme.md', content }]), /without photos\.tsv000, with readme\.md/],
    ] as const)
      await expect(readContent('a.zip', archive)).rejects.toMatchObject({
        code: 'INPUT_INVALID',
        message: expect.stringMatching(message),
      })
  })

  test('refuses gzip data that are cut short', async () => {
    const whole = gzipSync(tsv(numbered(5000)))
    await expect(readContent('photos.tsv.gz', whole.subarray(0, whole.length / 2))).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringMatching(/gzip/),
    })
  })

  test('says what it expected where there is nothing, or nothing of use', async () => {
    await expect(readAll('/nowhere/photos.tsv000')).rejects.toMatchObject({ code: 'INPUT_NOT_FOUND' })
    await expect(readAll([])).rejects.toMatchObject({ code: 'USAGE' })
    for (const [name, content, message] of [
      ['photos.tsv000', '', /empty file.*Expected one or more of/],
      ['notes.md', '# Notes\n', /a file of another kind/],
      ['photos.csv', Buffer.from('\ufeffphoto_id,photo_image_url\n', 'utf16le'), /UTF-16/],
      ['report.pdf', '%PDF-1.7', /a file of another kind/],
      ['dataset.zip', 'damaged', /does not begin as its name says/],
    ] as const)
      await expect(readContent(name, content)).rejects.toMatchObject({
        code: 'INPUT_INVALID',
        message: expect.stringMatching(message),
      })
    await expect(readAll(temporaryFolder())).rejects.toMatchObject({ code: 'INPUT_INVALID' })
  })

  test('reads several files as parts of one input, but not files of different kinds', async () => {
    const folder = await folderWith({
      'photos-a.csv': 'photo_id,photo_image_url\na,https://example.com/a\n',
      'photos-b.csv': 'photo_id,photo_image_url\nb,https://example.com/b\n',
      'list.txt': 'https://example.com/c\n',
    })
    const paths = ['photos-b.csv', 'photos-a.csv', 'list.txt'].map(name => join(folder, name))
    const { photos } = await readAll(paths.slice(0, 2))
    expect(photos.map(row => row.photo.photo_id)).toEqual(['b', 'a'])
    await expect(readAll(paths)).rejects.toMatchObject({ code: 'INPUT_INVALID' })
  })
})

describe('a list of URLs', () => {
  const LIST =
    '\uFEFF# photos\r\nhttps://example.com/1.jpg\r\n\r\nnot a url\r\n  https://example.com/2.jpg  \r\nfile:///a\n'

  test('gives one photo a URL and the line of each that is none', async () => {
    const { photos, bad, source } = await readContent('urls.txt', LIST)
    expect(source.kind).toBe('url-list')
    expect(photos.map(row => [row.line, row.photo.photo_image_url])).toEqual([
      [2, 'https://example.com/1.jpg'],
      [5, 'https://example.com/2.jpg'],
    ])
    expect(problems(bad)).toEqual([
      [4, 'NOT_A_URL'],
      [6, 'NOT_A_URL'],
    ])
  })

  test('encodes blanks as browsers do, so that both spellings are one photo, and refuses two URLs in a line', async () => {
    const { photos, bad } = await readContent(
      'urls.txt',
      'https://example.com/a b.jpg?c=d e\nhttps://example.com/a%20b.jpg?c=d%20e\nhttps://exam ple.com/a\nhttps://a.example/1 https://a.example/2\n',
    )
    const url = 'https://example.com/a%20b.jpg?c=d%20e'
    expect(photos.map(row => row.photo.photo_image_url)).toEqual([url, url])
    expect(new Set(photos.map(row => row.photo.photo_id)).size).toBe(1)
    expect(bad.map(row => `${row.line} ${row.problem.code} ${row.problem.found}`)).toEqual([
      '3 NOT_A_URL "https://exam ple.com/a"',
      '4 NOT_A_URL more than one URL: "https://a.example/1 https://a.example/2"',
    ])
  })

  test('gives a URL the same id in every list', async () => {
    const first = (await readContent('urls.txt', LIST)).photos
    const second = (await readContent('other', 'https://example.com/2.jpg')).photos
    expect(first[1]?.photo.photo_id).toBe(second[0]?.photo.photo_id)
    expect(second[0]?.photo.photo_id).toMatch(/^[A-Za-z0-9_-]{16}$/)
    expect(first[0]?.photo.photo_id).not.toBe(first[1]?.photo.photo_id)
  })
})

describe('a folder of images', () => {
  const FILES = { 'b.JPG': '1', 'a/ü #1.png': '2', 'a/notes.txt': '3', '.hidden.jpg': '4', 'c.webp': '5' }

  test('gives one photo a file, in the order of the paths, at its file URL', async () => {
    const folder = await folderWith(FILES)
    const { photos, source } = await readAll(folder)
    expect(source.kind).toBe('image-folder')
    expect(photos.map(row => row.photo.photo_image_url)).toEqual(
      ['a/ü #1.png', 'b.JPG', 'c.webp'].map(name => pathToFileURL(join(folder, name)).href),
    )
    expect(photos.map(row => row.line)).toEqual([1, 2, 3])
    expect(photos[0]?.photo.photo_description).toBeNull()
  })

  test('identifies a file by its content, wherever it lies and whatever its name is', async () => {
    const { photos } = await readAll(await folderWith({ 'a.jpg': 'one', 'sub/b.jpg': 'two', 'sub/c.png': 'one' }))
    const [a, b, c] = photos.map(row => row.photo.photo_id)
    expect([a, c]).toEqual([contentIdOf('one'), contentIdOf('one')])
    expect(b).toBe(contentIdOf('two'))
    expect(photos[0]?.place).toMatchObject({
      size: 3,
      digest: createHash('sha256').update('one').digest(),
      recheck: true,
    })
  })

  test('has one absolute path for a file, also when the folder is named by a link', async () => {
    const folder = await folderWith({ 'photos/a.jpg': '1' })
    symlinkSync(join(folder, 'photos'), join(folder, 'link'))
    const { photos, source } = await readAll(join(folder, 'link'))
    expect(source.folders).toEqual([join(folder, 'photos')])
    expect(photos.map(row => row.path)).toEqual([join(folder, 'photos', 'a.jpg')])
  })

  test('reads only files that are not known unchanged, and without knowledge none', async () => {
    const folder = await folderWith({ 'a.jpg': '1', 'b.jpg': '2' })
    const source = await openInput(folder)
    const known = { unchanged: async () => new Map([[join(folder, 'a.jpg'), 'known-id']]) }
    const rows: SourceRow[] = []
    for await (const row of source.rows(known)) rows.push(row)
    expect(rows).toMatchObject([{ isKnown: true, photo: { photo_id: 'known-id' } }, { place: { size: 1 } }])
    for await (const row of source.rows()) expect(row).not.toHaveProperty('place')
  })

  test('does not hold the stored copies, where these lie below it; their own folder does', async () => {
    const folder = await folderWith({ 'a.jpg': '1', 'objects/h512-q65/x.jpg': '2', 'objects2/b.jpg': '3' })
    const copies = join(folder, 'objects')
    const names = async (rows: AsyncIterable<{ path?: string }>) => {
      const found: string[] = []
      for await (const { path } of rows) found.push(path!.slice(folder.length + 1))
      return found
    }
    expect(await names((await openInput(folder, { copies })).rows())).toEqual(['a.jpg', 'objects2/b.jpg'])
    expect(await names((await openInput(copies, { copies })).rows())).toEqual(['objects/h512-q65/x.jpg'])
    const changed = ['a.jpg', 'objects', 'objects/h512-q65', 'objects/h512-q65/x.jpg'].map(name => join(folder, name))
    expect(await names(readChangedFiles(folder, changed, noneSkipped(), copies))).toEqual(['a.jpg'])
  })

  test('reports links to nothing by name', async () => {
    const folder = await folderWith({ 'a.jpg': '1' })
    symlinkSync(join(folder, 'nowhere'), join(folder, 'b.jpg'))
    const { photos, bad } = await readAll(folder)
    expect([photos.length, problems(bad)]).toEqual([1, [[2, 'UNREADABLE']]])
    expect(bad[0]?.problem.found).toContain(join(folder, 'b.jpg'))
  })

  // APFS refuses such names.
  test.skipIf(process.platform === 'darwin')('reports files whose names are no UTF-8', async () => {
    const folder = await folderWith({ 'a.jpg': '1' })
    writeFileSync(Buffer.concat([Buffer.from(join(folder, 'b')), Buffer.from([0xff]), Buffer.from('.jpg')]), '2')
    const { photos, bad } = await readAll(folder)
    expect([photos.length, problems(bad)]).toEqual([1, [[2, 'BROKEN_UTF8']]])
  })

  test('follows links to files but not to folders', async () => {
    const folder = await folderWith({ 'a.jpg': '1' })
    mkdirSync(join(folder, 'sub'))
    symlinkSync(folder, join(folder, 'sub', 'circle'))
    symlinkSync(join(folder, 'a.jpg'), join(folder, 'sub', 'link.jpg'))
    expect((await readAll(folder)).photos).toHaveLength(2)
  })

  test('takes a folder that holds photos.tsv000 for the dataset, whatever images lie beside it', async () => {
    const folder = await folderWith({ 'photos.tsv000': THREE, 'a.jpg': '1' })
    expect((await readAll(folder)).source.kind).toBe('table')
    rmSync(join(folder, 'photos.tsv000'))
    writeFileSync(join(folder, 'photos.csv000'), THREE)
    expect((await readAll(folder)).source.kind).toBe('table')
  })
})
