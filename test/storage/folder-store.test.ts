import { mkdir, mkdtemp, readdir, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { AppError, PhotoError } from '../../src/domain/errors.js'
import { FolderStore, storeFailure } from '../../src/storage/folder-store.js'

let folder: string
let store: FolderStore

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unsplash-clip-folder-'))
  store = new FolderStore(join(folder, 'objects'))
})
afterEach(() => rm(folder, { recursive: true }))

async function files(): Promise<string[]> {
  const entries = await readdir(store.location, { recursive: true, withFileTypes: true })
  return entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
}

async function keys(): Promise<string[]> {
  const found: string[] = []
  for await (const key of store.list()) found.push(key)
  return found.sort()
}

test('Nothing but the object is left after a write', async () => {
  await store.put('a/b.jpg', Buffer.from('x'))
  expect(await files()).toEqual([join(store.location, 'a', 'b.jpg')])
})

test('A write that fails leaves no unfinished file', async () => {
  await store.put('taken', Buffer.from('a file where a folder would have to be'))
  await expect(store.put('taken/below', Buffer.from('x'))).rejects.toMatchObject({
    code: 'STORE_FAILED',
    retryable: true,
  })
  await mkdir(join(store.location, 'folder'))
  await expect(store.put('folder', Buffer.from('x'))).rejects.toMatchObject({ code: 'STORE_FAILED' })
  expect(await files()).toEqual([join(store.location, 'taken')])
})

// S3 promises the same of every server; that of the tests keeps no such promise.
test('Several writes of one object at once leave one of them, whole', async () => {
  const versions = Array.from({ length: 8 }, (_, i) => Buffer.alloc(100_000, i))
  await Promise.all(versions.map(version => store.put('same.jpg', version)))
  const kept = await store.get('same.jpg')
  expect(versions.some(version => version.equals(kept!))).toBe(true)
  expect(await keys()).toEqual(['same.jpg'])
})

test('What a crash left behind is no object, and the check removes it once it is a day old', async () => {
  await store.put('whole.jpg', Buffer.from('x'))
  const [fresh, old] = ['fresh', 'old'].map(name => join(store.location, '~unfinished', name)) as [string, string]
  for (const path of [fresh, old]) await writeFile(path, 'half')
  const dayBeforeYesterday = new Date(Date.now() - 48 * 60 * 60 * 1000)
  await utimes(old, dayBeforeYesterday, dayBeforeYesterday)
  expect(await keys()).toEqual(['whole.jpg'])
  await store.check()
  expect(await files()).toEqual(expect.arrayContaining([fresh]))
  expect(await files()).not.toContain(old)
})

test('Files that are not objects are not listed', async () => {
  await store.put('a.jpg', Buffer.from('x'))
  await writeFile(join(store.location, 'a name with spaces.jpg'), 'x')
  await symlink(join(store.location, 'a.jpg'), join(store.location, 'link.jpg'))
  expect(await keys()).toEqual(['a.jpg'])
})

test('A folder that vanished while the store is open is made again', async () => {
  await store.put('a/1', Buffer.from('x'))
  await rm(store.location, { recursive: true })
  await expect(store.put('a/2', Buffer.from('x'))).rejects.toMatchObject({ code: 'STORE_FAILED', retryable: true })
  await store.put('a/2', Buffer.from('x'))
  expect(await keys()).toEqual(['a/2'])
})

test('A folder that cannot be written fails the check, and the message says where, why and what to do', async () => {
  await writeFile(join(folder, 'file'), 'in the way')
  const error = await new FolderStore(join(folder, 'file', 'objects')).check().catch(error => error)
  expect(error).toBeInstanceOf(AppError)
  expect(error.code).toBe('STORE_UNREACHABLE')
  expect(error.message).toContain(join(folder, 'file', 'objects'))
  expect(error.message).toContain('ENOTDIR')
  expect(error.message).toContain('OBJECT_STORE')
})

test('A full disk is called that', () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
  const error = storeFailure('/photos', 'a.jpg', full)
  expect(error).toBeInstanceOf(PhotoError)
  expect(error.code).toBe('STORE_FAILED')
  expect(error.retryable).toBe(true)
  expect(error.message).toContain('the disk is full')
})

test('A folder that was there and is gone or empty is a store that is away, not one without copies', async () => {
  expect(await store.get('a.jpg')).toBeNull()
  await store.check()
  await store.put('a.jpg', Buffer.from('x'))
  const elsewhere = join(folder, 'elsewhere')
  await rename(store.location, elsewhere)
  for (const mountPoint of [false, true]) {
    if (mountPoint) await mkdir(store.location)
    await expect(store.get('a.jpg')).rejects.toMatchObject({ code: 'STORE_FAILED', retryable: true })
  }
  await store.check()
  await expect(store.get('a.jpg')).rejects.toThrow('is its disk mounted?')
  await rm(store.location, { recursive: true })
  await rename(elsewhere, store.location)
  expect((await store.get('a.jpg'))?.toString()).toBe('x')
  expect(await store.get('b.jpg')).toBeNull()
})
