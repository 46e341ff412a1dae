import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { contentId } from '../../../src/domain/content-id.js'
import { OutOfReachError } from '../../../src/domain/errors.js'
import type { KnownPlace } from '../../../src/domain/ports/place-repository.js'
import { ReadableFolders } from '../../../src/workers/readable-folders.js'
import { readPlace } from '../../../src/workers/stages/read-place.js'

const PHOTO = 'the bytes of a photo'
const ID = contentId(createHash('sha256').update(PHOTO).digest())

let root: string
const at = (path: string) => join(root, path)
const here = (path: string) => ({ path: at(path), isHere: true })
const elsewhere = (path: string) => ({ path: at(path), isHere: false })
const readFrom = (...places: KnownPlace[]) => readPlace(ID, places, { folders: [at('allowed')], maxBytes: 1000 })
const read = (...paths: string[]) => readFrom(...paths.map(here))

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'places-')))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  mkdirSync(at('allowed'))
  mkdirSync(at('other'))
  for (const path of ['allowed/a.jpg', 'other/a.jpg']) writeFileSync(at(path), PHOTO)
  writeFileSync(at('allowed/edited.jpg'), 'other bytes')
})

test('the first place that holds the content is read', async () => {
  expect(String(await read('allowed/missing.jpg', 'allowed/edited.jpg', 'other/a.jpg', 'allowed/a.jpg'))).toBe(PHOTO)
})

test('other bytes at every place fail as CONTENT_CHANGED, and no file as FILE_NOT_FOUND', async () => {
  await expect(read('allowed/edited.jpg')).rejects.toMatchObject({ code: 'CONTENT_CHANGED', retryable: false })
  await expect(read('allowed/missing.jpg')).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' })
})

test('a place outside the readable folders is out of reach, whether something lies there or not', async () => {
  await expect(read('other/a.jpg')).rejects.toBeInstanceOf(OutOfReachError)
  await expect(read('other/missing.jpg')).rejects.toBeInstanceOf(OutOfReachError)
  await expect(read('allowed/edited.jpg', 'other/a.jpg')).rejects.toBeInstanceOf(OutOfReachError)
})

test('a path of another machine is read if it holds the content here, too, and is out of reach otherwise', async () => {
  expect(String(await readFrom(elsewhere('allowed/a.jpg')))).toBe(PHOTO)
  for (const path of ['allowed/edited.jpg', 'allowed/missing.jpg', 'other/a.jpg'])
    await expect(readFrom(elsewhere(path)), path).rejects.toBeInstanceOf(OutOfReachError)
  await expect(readFrom(here('allowed/missing.jpg'), elsewhere('allowed/edited.jpg'))).rejects.toMatchObject({
    why: expect.stringContaining('this machine has another file there'),
  })
})

test('a folder that is missing or empty, as of a disk that is not mounted, is out of reach', async () => {
  rmSync(at('allowed'), { recursive: true })
  await expect(read('allowed/a.jpg')).rejects.toBeInstanceOf(OutOfReachError)
  mkdirSync(at('allowed'))
  await expect(read('allowed/a.jpg')).rejects.toBeInstanceOf(OutOfReachError)
})

test('a file that was ingested by itself and is gone fails as FILE_NOT_FOUND, unless its folder is missing or empty', async () => {
  const readFile = () => readPlace(ID, [here('allowed/a.jpg')], { folders: [at('allowed/a.jpg')], maxBytes: 1000 })
  expect(String(await readFile())).toBe(PHOTO)
  rmSync(at('allowed/a.jpg'))
  await expect(readFile()).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' })
  rmSync(at('allowed/edited.jpg'))
  await expect(readFile()).rejects.toBeInstanceOf(OutOfReachError)
  rmSync(at('allowed'), { recursive: true })
  await expect(readFile()).rejects.toBeInstanceOf(OutOfReachError)
})

test('folders that a user ingested are readable for the processes of the same home only', async () => {
  const folders = new ReadableFolders(at('home'))
  expect(await folders.all()).toEqual([])
  await Promise.all([folders.allow('/photos/a, b'), folders.allow('/photos/c'), folders.allow('/photos/c')])
  expect([...(await new ReadableFolders(at('home')).all())].toSorted()).toEqual(['/photos/a, b', '/photos/c'])
  expect(await new ReadableFolders(at('other-home')).all()).toEqual([])
})

test('a damaged note of a folder opens nothing', async () => {
  mkdirSync(at('home/readable-folders'), { recursive: true })
  writeFileSync(at('home/readable-folders/x.json'), '{"folder": 7}')
  writeFileSync(at('home/readable-folders/y.json'), '{"fol')
  expect(await new ReadableFolders(at('home')).all()).toEqual([])
})
