import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { Database } from '../../../src/db/connection.js'
import type { PostgresIngestRepository } from '../../../src/db/ingest/ingest-repository.js'
import { PostgresPlaceRepository } from '../../../src/db/ingest/place-repository.js'
import { PostgresRemovalRepository } from '../../../src/db/ingest/removal-repository.js'
import { BUCKET_HOST } from '../../../src/domain/places/object-place.js'
import type { ModelId } from '../../../src/domain/ports/repository.js'
import { MountMemory } from '../../../src/producers/places/mount-memory.js'
import { syncWith } from '../../../src/producers/removal/sync.js'
import { IdSet } from '../../../src/producers/selection/id-set.js'
import { serverKinds } from '../../support/servers/postgres.js'
import { until } from '../../support/until.js'
import { aModel, aPhoto } from '../factories.js'
import { freshDatabases } from '../fresh-databases.js'

describe.each(serverKinds())('removal on the $kind server', ({ available, start }) => {
  describe.skipIf(!available)('', () => {
    let database: Database
    let ingest: PostgresIngestRepository
    let modelId: ModelId
    const fresh = freshDatabases(start)
    beforeEach(async () => {
      ;({ database, ingest, modelId } = await fresh())
    })

    const embed = (photoId: string, ofModel: ModelId, storedKey: string | null) =>
      ingest.recordOutcome({
        parentId: 'none',
        modelId: ofModel,
        embedded: [{ photoId, embedding: Float32Array.of(1, 0, 0, 0), storedKey }],
        failures: [],
        labelSets: [],
      })

    test('lists copies that no embedding names: of a retired model, or of other settings', async () => {
      const retired = await ingest.registerModel(aModel({ name: 'clip-former' }))
      await ingest.upsertPhotos([aPhoto('a'), aPhoto('b')])
      await embed('a', retired, 'copies/a.jpg')
      await embed('a', modelId, null)
      await embed('b', modelId, 'former-size/b.jpg')
      await embed('b', modelId, 'copies/b.jpg')
      await database.query('select use_search_model($1)', ['clip-test@fp32'])
      await database.query('select retire_model($1)', ['clip-former@fp32'])
      const removals = new PostgresRemovalRepository(database, 'here')
      const copyKey = (photoId: string) => `copies/${photoId}.jpg`
      expect(await removals.remove(['a', 'b'], { onlyWithoutPlace: false, copyKey })).toBe(2)
      const noted = 'select key, photo_id as id, is_certain as certain from removed_copies order by key'
      expect(await database.query(noted)).toEqual([
        { key: 'copies/a.jpg', id: 'a', certain: false },
        { key: 'copies/b.jpg', id: 'b', certain: true },
        { key: 'former-size/a.jpg', id: 'a', certain: false },
        { key: 'former-size/b.jpg', id: 'b', certain: false },
      ])
    })

    test('lists the copy that a killed worker stored of a photo which was removed meanwhile, not that of one that is there', async () => {
      await ingest.upsertPhotos([aPhoto('there')])
      const possibleCopies = { there: 'copies/there.jpg', removed: 'copies/removed.jpg' }
      const outcome = { parentId: 'none', modelId, embedded: [], failures: [], labelSets: [], possibleCopies }
      await ingest.recordOutcome(outcome)
      expect(await database.query('select key, photo_id as id from removed_copies')).toEqual([
        { key: 'copies/removed.jpg', id: 'removed' },
      ])
    })

    const placed = (id: string, path: string) => ({
      photo: aPhoto(id, { photo_image_url: pathToFileURL(path).href }),
      place: { path, size: 1, mtimeNs: 1n, inode: 1n, digest: randomBytes(32), recheck: false },
    })

    test('finds what is recorded at paths and below them', async () => {
      const paths = ['/p/a', '/p/a/b.jpg', '/p/a b.jpg', '/p/a/c/d.jpg', '/p/a0.jpg', '/p/b.jpg']
      const places = new PostgresPlaceRepository(database, 'here')
      await places.record(
        'run-1',
        paths.map((path, i) => placed(`photo-${i}`, path)),
      )
      await new PostgresPlaceRepository(database, 'there').record('run-1', [placed('photo-9', '/p/a/e.jpg')])
      const found = await new PostgresRemovalRepository(database, 'here').pathsAmong(['/p/a', '/p/b.jpg', '/p/none'])
      expect(found.toSorted()).toEqual(['/p/a', '/p/a/b.jpg', '/p/a/c/d.jpg', '/p/b.jpg'])
    })

    test('does not forget a file that another ingest recorded after it was found to be gone', async () => {
      const places = new PostgresPlaceRepository(database, 'here')
      const removals = new PostgresRemovalRepository(database, 'here')
      await places.record('run-1', [placed('a', '/p/a.jpg'), placed('b', '/p/b.jpg')])
      const goneAt = await removals.now()
      // The clock of the embedded server has milliseconds.
      await until('a later time', async () => (await removals.now()) !== goneAt)
      await places.record('run-2', [placed('a', '/p/a.jpg')])
      await removals.forget(['/p/a.jpg', '/p/b.jpg'], goneAt)
      expect(await database.query('select path from photo_places')).toEqual([{ path: '/p/a.jpg' }])
    })

    test('keeps what another ingest recorded while a bucket was listed', async () => {
      const removals = new PostgresRemovalRepository(database, BUCKET_HOST)
      const places = new PostgresPlaceRepository(database, BUCKET_HOST)
      await places.record('run', [placed('gone', 's3://bucket/p/gone.jpg')])
      const readFrom = await removals.now()
      await until('a later time', async () => (await removals.now()) !== readFrom)
      await places.record('other run', [placed('new', 's3://bucket/p/new.jpg')])
      const store = async () => ({ has: async () => false, deleteAll: async () => {} })
      const deps = { removals, store, copyKey: (photoId: string) => `${photoId}.jpg` }
      const source = { kind: 'bucket', folders: ['s3://bucket/p'] } as const
      expect(await syncWith(source, new IdSet(), deps, { isSure: true, readFrom })).toMatchObject({ photos: 1 })
      expect(await database.query('select photo_id as id from photos')).toEqual([{ id: 'new' }])
    })

    test('keeps what lies on a disk that was mounted below the folder and is not any more, unless the user is sure', async () => {
      const home = await mkdtemp(join(tmpdir(), 'unsplash-clip-sync-'))
      onTestFinished(() => rm(home, { recursive: true }))
      const removals = new PostgresRemovalRepository(database, 'here')
      // One that vanished is no more than a tenth.
      const kept = Array.from({ length: 10 }, (_, i) => join(home, `c${i}.jpg`))
      const places = new PostgresPlaceRepository(database, 'here')
      await places.record('run', [
        ...[placed('a', join(home, 'disk/a.jpg')), placed('b', join(home, 'b.jpg'))],
        ...kept.map((path, i) => placed(`c${i}`, path)),
      ])
      const mounts = new MountMemory(home)
      await mounts.remember([join(home, 'disk')])
      const store = async () => ({ has: async () => false, deleteAll: async () => {} })
      const deps = { removals, store, copyKey: (photoId: string) => `${photoId}.jpg`, mounts }
      const seen = new IdSet()
      for (const path of kept) seen.add(path)
      const sync = async (isSure: boolean) => {
        const readFrom = await removals.now()
        return syncWith({ kind: 'image-folder', folders: [home] }, seen, deps, { isSure, readFrom })
      }
      expect(await sync(false)).toMatchObject({ photos: 1, vanished: 1, of: 12, disksAway: [join(home, 'disk')] })
      expect(await sync(true)).toMatchObject({ photos: 1, of: 11 })
      expect(await mounts.all()).toEqual([])
    })

    test('does not deadlock with an ingest of the same files', async () => {
      const places = new PostgresPlaceRepository(database, 'here')
      const removals = new PostgresRemovalRepository(database, 'here')
      const paths = Array.from({ length: 20 }, (_, i) => `/p/${i}.jpg`)
      const batch = (shift: number) => paths.map((path, i) => placed(`photo-${(i + shift) % 20}`, path))
      await places.record('run-1', batch(0))
      for (let round = 1; round < 10; round++)
        await Promise.all([
          places.record(`run-${round}`, batch(round)),
          removals.forget(paths.toReversed(), await removals.now()),
        ])
      await places.record('run-10', batch(0))
      const rows = await database.query<{ id: string }>('select photo_id as id from photo_places order by path')
      expect(rows).toHaveLength(20)
    })

    test('a path or file URL means the photo of this machine, not the one at the same path of another', async () => {
      const path = '/photos/a.jpg'
      const url = pathToFileURL(path).href
      for (const host of ['here', 'there']) {
        const photo = aPhoto(`of-${host}`, { photo_image_url: url })
        const place = { path, size: 1, mtimeNs: 1n, inode: 1n, digest: randomBytes(32), recheck: false }
        await new PostgresPlaceRepository(database, host).record('run-1', [{ photo, place }])
      }
      await ingest.upsertPhotos([aPhoto('of-no-place', { photo_image_url: url })])
      const found = await new PostgresRemovalRepository(database, 'here').byAddress([path, url])
      expect(found.get(path)).toEqual(['of-here'])
      expect(found.get(url)?.toSorted()).toEqual(['of-here', 'of-no-place'])
    })

    test('the places of a photo begin with those of this machine', async () => {
      const record = (host: string, path: string) => {
        const place = { path, size: 1, mtimeNs: 1n, inode: 1n, digest: randomBytes(32), recheck: false }
        return new PostgresPlaceRepository(database, host).record('run-1', [{ photo: aPhoto('a'), place }])
      }
      await record('here', '/photos/a.jpg')
      await record('there', '/photos/a.jpg')
      const places = await new PostgresPlaceRepository(database, 'here').placesOf(['a'])
      expect(places.get('a')).toEqual([true, false].map(isHere => ({ path: '/photos/a.jpg', isHere })))
    })
  })
})
