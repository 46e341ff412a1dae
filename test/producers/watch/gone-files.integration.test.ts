import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Database } from '../../../src/db/connection.js'
import { PostgresPlaceRepository } from '../../../src/db/ingest/place-repository.js'
import { PostgresRemovalRepository } from '../../../src/db/ingest/removal-repository.js'
import { contentId } from '../../../src/domain/content-id.js'
import { type FoldersNow, GoneFiles } from '../../../src/producers/watch/gone-files.js'
import { FolderStore } from '../../../src/storage/folder-store.js'
import { aPhoto } from '../../db/factories.js'
import { hasNativeServer, nativeServer, type TestServer } from '../../support/servers/postgres.js'

describe.skipIf(!hasNativeServer())('files of watched folders that are gone', () => {
  let server: TestServer
  let database: Database
  let root: string
  let removals: PostgresRemovalRepository
  const at = (...names: string[]) => join(root, ...names)

  beforeAll(async () => {
    server = await nativeServer()
  })
  afterAll(() => server?.close())
  beforeEach(async () => {
    database = await server.freshDatabase()
    removals = new PostgresRemovalRepository(database, 'here')
    root = await realpath(await mkdtemp(join(tmpdir(), 'unsplash-clip-gone-')))
  })
  afterEach(() => rm(root, { recursive: true, force: true }))

  /** Writes and records files. @param names by content: equal ones are one photo */
  const record = async (folder: string, names: readonly string[]) => {
    const placed = await Promise.all(
      names.map(async name => {
        const path = at(folder, name)
        await mkdir(dirname(path), { recursive: true })
        await writeFile(path, name)
        const digest = createHash('sha256').update(name).digest()
        const photo = aPhoto(contentId(digest), { photo_image_url: pathToFileURL(path).href })
        return { photo, place: { path, size: 1, mtimeNs: 1n, inode: 1n, digest, recheck: false } }
      }),
    )
    await new PostgresPlaceRepository(database, 'here').record('run-1', placed)
  }
  const names = (count: number, prefix = '') => Array.from({ length: count }, (_, i) => `${prefix}${i}.jpg`)
  const remove = (folder: string, some: readonly string[]) => Promise.all(some.map(name => rm(at(folder, name))))
  const watching = (isSure = false) => {
    const store = async () => new FolderStore(`${root}-copies`)
    return new GoneFiles({ removals, store, copyKey: id => `h1-q1/${id}.jpg` }, { isSure })
  }
  const settle = async (gone: GoneFiles, folders: string[], now: Partial<FoldersNow> = {}) => {
    for (const folder of folders) await gone.addMissing(folder, () => false)
    const outcomes = await gone.settle({ folders, ...now })
    return outcomes.map(({ photos, refusal, folders }) => ({ photos, refusal, folders }))
  }
  const photos = () => removals.countPhotos()

  test('a folder that is emptied slowly keeps nine tenths of its photos, however large the others are', async () => {
    await record('small', names(40, 's'))
    await record('large', names(300, 'l'))
    const gone = watching()
    const folders = [at('small'), at('large')]
    await remove('small', names(3, 's'))
    expect(await settle(gone, folders)).toEqual([{ photos: 3, refusal: undefined, folders }])
    await remove('small', ['s3.jpg'])
    expect(await settle(gone, folders)).toEqual([{ photos: 1, refusal: undefined, folders }])
    await remove('small', ['s4.jpg'])
    expect(await settle(gone, folders)).toEqual([{ photos: 0, refusal: 'too many', folders: [at('small')] }])
    expect(await photos()).toBe(336)
  })

  test('of a small folder three may go unasked, but not its last photo', async () => {
    await record('', names(5))
    const gone = watching()
    await remove('', names(3))
    expect(await settle(gone, [root])).toMatchObject([{ photos: 3 }])
    await remove('', ['3.jpg'])
    expect(await settle(gone, [root])).toMatchObject([{ photos: 0, refusal: 'too many' }])
  })

  test('one that lost all of its files keeps its photos with --yes, also if one of them lies elsewhere, and holds up no other', async () => {
    await record('disk', names(20))
    await record('backup', ['0.jpg', ...names(20, 'b')])
    const gone = watching(true)
    const folders = [at('disk'), at('backup')]
    await remove('disk', names(20))
    await remove('backup', ['b0.jpg'])
    expect(await settle(gone, folders)).toEqual([
      { photos: 1, refusal: undefined, folders: [at('backup')] },
      { photos: 0, refusal: 'emptied', folders: [at('disk')] },
    ])
    expect(await settle(gone, folders)).toEqual([])
    expect(await photos()).toBe(39)
  })

  test('a photo that is gone from two folders at once counts in neither alone, but in both', async () => {
    await record('a', names(20))
    await record('b', names(20))
    const folders = [at('a'), at('b')]
    for (const name of ['a', 'b']) await remove(name, names(5))
    const gone = watching()
    expect(await settle(gone, folders)).toEqual([{ photos: 0, refusal: 'too many', folders }])
    expect(await photos()).toBe(20)
  })

  test('nothing is removed below a folder or a disk that is away, nor if one went away meanwhile', async () => {
    await record('', names(30))
    await record('disk', names(2, 'd'))
    const gone = watching()
    await remove('disk', names(2, 'd'))
    expect(await settle(gone, [root], { away: [at('disk')] })).toEqual([])
    await remove('', ['0.jpg'])
    expect(await settle(gone, [root], { away: [at('disk')], holds: async () => false })).toEqual([])
    expect([await photos(), gone.isDue]).toEqual([32, true])
    expect(await settle(gone, [root], { away: [at('disk')] })).toMatchObject([{ photos: 1 }])
    expect(await settle(gone, [root])).toMatchObject([{ photos: 2 }])
    expect([await photos(), gone.isDue]).toEqual([29, false])
  })

  test('--yes is about the disk of the start: of another one a tenth is removed at most', async () => {
    await record('', names(20))
    await remove('', names(10))
    const gone = watching(true)
    expect(await settle(gone, [root], { otherDisks: [root] })).toMatchObject([{ photos: 0, refusal: 'other disk' }])
    expect(await settle(gone, [root])).toMatchObject([{ photos: 10 }])
  })
})
