import { cp, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { FileState, PlaceRepository } from '../../../src/domain/ports/place-repository.js'
import { openInput } from '../../../src/producers/input/open-input.js'
import { readPlace } from '../../../src/workers/stages/read-place.js'

const FIXTURES = 'test/producers/dataset/huggingface'
let folder: string
let file: string
beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'unsplash-clip-parquet-')))
  file = join(folder, 'a #1.parquet')
  await cp(join(FIXTURES, 'datasets.parquet'), file)
})
afterAll(() => rm(folder, { recursive: true }))

const nothingKnown = { unchanged: async () => new Map() }

async function rowsOf(path: string, known?: Pick<PlaceRepository, 'unchanged'>) {
  const source = await openInput(path)
  const rows = []
  for await (const row of source.rows(known)) rows.push(row)
  return { rows, source }
}

const read = (photoId: string, path: string, options: { folders?: string[]; maxBytes?: number } = {}) =>
  readPlace(photoId, [{ path, isHere: true }], { folders: [file], maxBytes: 1e6, ...options })

test('Images that `datasets` wrote are photos of their content, with what their rows say', async () => {
  const { rows, source } = await rowsOf(file, nothingKnown)
  expect(source.folders).toEqual([file])
  expect(rows.map(row => row.photo?.photo_description)).toEqual([
    ...['red', 'green', 'blue', 'yellow', 'red'].map(colour => `${colour} all over`),
    undefined,
  ])
  expect(rows[5]).toMatchObject({ line: 6, problem: { code: 'NO_IMAGE', found: 'picture is empty' } })
  expect(rows[4]!.photo!.photo_id).toBe(rows[0]!.photo!.photo_id)
  expect(rows[3]).toMatchObject({
    path: `${file}#row=3`,
    photo: { photo_image_url: `${pathToFileURL(file).href}#row=3` },
  })
})

test('A worker reads each from its row', async () => {
  const { rows } = await rowsOf(file, nothingKnown)
  const seen = await Promise.all(
    rows.slice(0, 4).map(async row => {
      const image = await read(row.photo!.photo_id, row.path!)
      expect(image.buffer.byteLength, 'memory of other rows').toBe(image.length)
      const { data } = await sharp(image).raw().toBuffer({ resolveWithObject: true })
      return [...data.subarray(0, 3)].map(value => (value > 127 ? 1 : 0)).join('')
    }),
  )
  expect(seen).toEqual(['100', '010', '001', '110'])
})

test('A row that has other bytes, no image or no permission, or is too large, fails by name', async () => {
  const photo = (await rowsOf(file, nothingKnown)).rows[0]!.photo!
  await expect(read(photo.photo_id, `${file}#row=1`)).rejects.toMatchObject({ code: 'CONTENT_CHANGED' })
  for (const row of [5, 6])
    await expect(read(photo.photo_id, `${file}#row=${row}`)).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' })
  await expect(read(photo.photo_id, `${file}#row=0`, { maxBytes: 10 })).rejects.toMatchObject({ code: 'TOO_LARGE' })
  await expect(read(photo.photo_id, `${file}#row=0`, { folders: ['/elsewhere'] })).rejects.toMatchObject({
    name: 'OutOfReachError',
  })
  const damaged = join(folder, 'damaged.parquet')
  await writeFile(damaged, 'PAR1 and nothing else')
  await expect(read(photo.photo_id, `${damaged}#row=0`, { folders: [folder] })).rejects.toMatchObject({
    code: 'DECODE_FAILED',
  })
})

test('Known rows are not read again, and rows are counted without reading images', async () => {
  const first = (await rowsOf(file, nothingKnown)).rows
  const ids = new Map(first.slice(0, 4).map(row => [row.path!, row.photo!.photo_id]))
  const known = {
    unchanged: async (files: readonly FileState[]) =>
      new Map([...ids].filter(([path]) => files.some(each => each.path === path))),
  }
  const again = (await rowsOf(file, known)).rows
  expect(again.map(row => row.photo && 'isKnown' in row && row.isKnown === true)).toEqual([
    true,
    true,
    true,
    true,
    false,
    undefined,
  ])
  expect(again.slice(0, 5).map(row => row.photo!.photo_id)).toEqual(first.slice(0, 5).map(row => row.photo!.photo_id))
  expect((await rowsOf(file)).rows).toHaveLength(6)
})

test('A column of bytes with the name of an image holds images, too', async () => {
  const { rows } = await rowsOf(join(FIXTURES, 'bytes.parquet'), nothingKnown)
  expect(rows).toMatchObject([{ photo: { photo_description: 'white all over' } }])
})
