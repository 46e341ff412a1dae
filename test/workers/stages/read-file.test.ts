import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { OutOfReachError } from '../../../src/domain/errors.js'
import { type DownloadOptions, download } from '../../../src/workers/stages/download.js'
import { jpegPhoto } from '../../support/images/sample-images.js'

let root: string
let photo: Buffer
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'unsplash-clip-files-')))
  photo = await jpegPhoto()
  for (const folder of ['allowed', 'allowed/below', 'allowed-not', 'secret']) await mkdir(join(root, folder))
  for (const path of ['allowed/a photo #1.jpg', 'allowed/below/b.jpg', 'allowed-not/c.jpg', 'secret/s.jpg'])
    await writeFile(join(root, path), photo)
})
afterEach(() => rm(root, { recursive: true }))

const fetchesNothing = {
  get: () => Promise.reject(new Error('a file is not fetched')),
  getIfChanged: () => Promise.reject(new Error('a file is not fetched')),
}

async function read(path: string, options: Partial<DownloadOptions> = {}): Promise<Buffer | null> {
  const url = path.startsWith('file:') ? path : pathToFileURL(join(root, path)).href
  const all = { fetcher: fetchesNothing, allowFolders: [join(root, 'allowed')], maxBytes: 1_000_000, ...options }
  return (await download({ url }, all)).image
}

test('A file below an allowed folder is read', async () => {
  expect(await read('allowed/a photo #1.jpg')).toEqual(photo)
  expect(await read('allowed/below/b.jpg')).toEqual(photo)
})

test('A folder may be allowed by a link to it, or be the root', async () => {
  await symlink(join(root, 'allowed'), join(root, 'link'))
  expect(await read('allowed/below/b.jpg', { allowFolders: [join(root, 'link')] })).toEqual(photo)
  expect(await read('secret/s.jpg', { allowFolders: ['/'] })).toEqual(photo)
})

test.each([
  ['in another folder', 'secret/s.jpg'],
  ['in a folder whose name begins like an allowed one', 'allowed-not/c.jpg'],
  ['reached by going up', 'allowed/../secret/s.jpg'],
])('A file %s is refused', async (_where, path) => {
  await expect(read(`file://${root}/${path}`)).rejects.toMatchObject({ code: 'FOLDER_FORBIDDEN', retryable: false })
})

test('A link that leads out of the folder is refused, one that stays inside is followed', async () => {
  await symlink(join(root, 'secret/s.jpg'), join(root, 'allowed/out.jpg'))
  await symlink(join(root, 'secret'), join(root, 'allowed/out'))
  await symlink(join(root, 'allowed/below/b.jpg'), join(root, 'allowed/in.jpg'))
  await expect(read('allowed/out.jpg')).rejects.toMatchObject({ code: 'FOLDER_FORBIDDEN' })
  await expect(read('allowed/out/s.jpg')).rejects.toMatchObject({ code: 'FOLDER_FORBIDDEN' })
  expect(await read('allowed/in.jpg')).toEqual(photo)
})

test('Without allowed folders no file is read', async () => {
  await expect(read('allowed/below/b.jpg', { allowFolders: [] })).rejects.toMatchObject({ code: 'FOLDER_FORBIDDEN' })
})

test('Outside, nobody is told whether there is such a file', async () => {
  await expect(read('secret/nothing.jpg')).rejects.toMatchObject({ code: 'FOLDER_FORBIDDEN' })
})

test('A file of another machine, or of nobody knows which, is left to others unless it can be reached', async () => {
  const of = async (path: string, host: string | undefined, ingested: string[] = []) => {
    const options = {
      fetcher: fetchesNothing,
      allowFolders: [join(root, 'allowed')],
      maxBytes: 1_000_000,
    }
    const ingestedFolders = async () => ingested.map(name => join(root, name))
    const url = pathToFileURL(join(root, path)).href
    const read = await download({ url }, { ...options, ingestedFolders, host: 'here' }, undefined, undefined, { host })
    return read.image
  }
  for (const host of ['there', undefined]) {
    await expect(of('secret/s.jpg', host)).rejects.toBeInstanceOf(OutOfReachError)
    await expect(of('secret/nothing.jpg', host)).rejects.toBeInstanceOf(OutOfReachError)
    await expect(of('allowed/nothing.jpg', host)).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' })
    expect(await of('allowed/below/b.jpg', host)).toEqual(photo)
  }
  // What a user of this machine ingested is another folder under the same path.
  await expect(of('secret/s.jpg', 'there', ['secret'])).rejects.toBeInstanceOf(OutOfReachError)
  expect(await of('secret/s.jpg', undefined, ['secret'])).toEqual(photo)
  expect(await of('secret/s.jpg', 'here', ['secret'])).toEqual(photo)
  await expect(of('secret/s.jpg', 'here')).rejects.toMatchObject({ code: 'FOLDER_FORBIDDEN' })
})

test('What is not a regular file is not read', async () => {
  execFileSync('mkfifo', [join(root, 'allowed/pipe.jpg')])
  for (const path of ['allowed/below', 'allowed/pipe.jpg', 'allowed/nothing.jpg', 'allowed/below/b.jpg/c.jpg'])
    await expect(read(path), path).rejects.toMatchObject({ code: 'FILE_NOT_FOUND', retryable: false })
})

test('The byte cap is exact', async () => {
  expect(await read('allowed/below/b.jpg', { maxBytes: photo.length })).toEqual(photo)
  await expect(read('allowed/below/b.jpg', { maxBytes: photo.length - 1 })).rejects.toMatchObject({ code: 'TOO_LARGE' })
})

test('An empty file, and a file that is no image, are called that', async () => {
  await writeFile(join(root, 'allowed/empty.jpg'), '')
  await writeFile(join(root, 'allowed/page.jpg'), '<html></html>')
  await expect(read('allowed/empty.jpg')).rejects.toMatchObject({ code: 'EMPTY_BODY' })
  await expect(read('allowed/page.jpg')).rejects.toMatchObject({ code: 'NOT_AN_IMAGE' })
})

test.each(['file://other-host/x.jpg', 'file:///a%2Fb.jpg', 'file:///a%00b.jpg'])(
  '%s is no URL of a file',
  async url => {
    await expect(read(url)).rejects.toMatchObject({ code: 'INVALID_URL' })
  },
)

test('An aborted signal ends it with its reason', async () => {
  const reason = new Error('the worker ends')
  const url = pathToFileURL(join(root, 'allowed/below/b.jpg')).href
  const options = { fetcher: fetchesNothing, allowFolders: [root], maxBytes: 1_000_000 }
  await expect(download({ url }, options, AbortSignal.abort(reason))).rejects.toBe(reason)
})
