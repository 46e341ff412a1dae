import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readImageFolder } from '../../../src/producers/input/image-folder-reader.js'
import { noneSkipped } from '../../../src/producers/places/choose-files.js'
import { identifyFiles } from '../../../src/producers/places/identify-files.js'
import { vanishedOf } from '../../../src/producers/removal/find-vanished.js'

let folder: string
const at = (name: string) => join(folder, name)

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'unsplash-clip-pairs-')))
  for (const name of ['1.CR2', '1.jpg', '2.NEF', '3.HEIC', '3.dng', '4.jpg']) await writeFile(at(name), name)
})
afterAll(() => rm(folder, { recursive: true }))

/** @param known names of the files that are recorded, and of RAW files those whose photo is embedded */
async function photos(known: readonly string[]) {
  const unchanged = async (files: readonly { path: string }[]) =>
    new Map(
      files.filter(({ path }) => known.some(name => path === at(name))).map(({ path }) => [path, `id of ${path}`]),
    )
  const skipped = noneSkipped()
  const found: string[] = []
  for await (const row of identifyFiles(readImageFolder(folder, skipped), { unchanged }))
    found.push(`${row.path!.slice(folder.length + 1)}${row.photo && row.isKnown ? ' known' : ''}`)
  return { found, paired: skipped.paired }
}

test('Of a RAW file and its JPEG or HEIC the rendered one is the photo', async () => {
  expect(await photos([])).toEqual({ found: ['1.jpg', '2.NEF', '3.HEIC', '4.jpg'], paired: 2 })
  expect(await photos(['1.jpg', '1.CR2'])).toMatchObject({ found: ['1.jpg known', '2.NEF', '3.HEIC', '4.jpg'] })
})

test('A RAW file that is embedded stays the photo when its JPEG comes later', async () => {
  expect(await photos(['1.CR2', '3.dng'])).toEqual({
    found: ['1.CR2 known', '2.NEF', '3.dng known', '4.jpg'],
    paired: 2,
  })
})

test('A RAW file that was passed over for its JPEG counts as gone, one without a JPEG does not', async () => {
  const gone = ['1.CR2', '3.dng', '5.CR2']
  expect(await vanishedOf([...gone, '2.NEF', '4.jpg'].map(at))).toEqual(gone.map(at))
})
