import { beforeEach, describe, expect, test } from 'vitest'
import type { Database } from '../../../src/db/connection.js'
import type { PostgresIngestRepository } from '../../../src/db/ingest/ingest-repository.js'
import { PostgresLabelRepository } from '../../../src/db/label-repository.js'
import { PostgresSearchRepository } from '../../../src/db/search/search-repository.js'
import type { PhotoFailureCode } from '../../../src/domain/errors.js'
import type { BatchOutcome, ModelId } from '../../../src/domain/ports/repository.js'
import { serverKinds } from '../../support/servers/postgres.js'
import { aModel, aPhoto, randomNumbers, randomVector } from '../factories.js'
import { freshDatabases } from '../fresh-databases.js'

const kinds = serverKinds()
describe.each(kinds)('runs and outcomes on the $kind server', ({ available, start }) => {
  describe.skipIf(!available)('', () => {
    let database: Database
    let ingest: PostgresIngestRepository
    let modelId: ModelId
    const fresh = freshDatabases(start)
    beforeEach(async () => {
      ;({ database, ingest, modelId } = await fresh())
    })

    const PHOTOS = ['a', 'b', 'c', 'd'].map(id => aPhoto(id))
    const embedding = (...values: number[]) => Float32Array.from(values)

    async function aRun(id = 'run-1', batches: Record<string, string[]> = { 'batch-1': ['a', 'b', 'c', 'd'] }) {
      await ingest.upsertPhotos(PHOTOS)
      await ingest.createRun({ id, modelId, source: 'photos.tsv', options: { limit: 4 } })
      return ingest.addBatches(Object.entries(batches).map(([batch, photoIds]) => ({ id: batch, runId: id, photoIds })))
    }

    const anOutcome = (changes: Partial<BatchOutcome> = {}): BatchOutcome => ({
      parentId: 'batch-1',
      modelId,
      embedded: [],
      failures: [],
      labelSets: [],
      ...changes,
    })
    const embedded = (photoId: string, storedKey: string | null = null) => ({
      photoId,
      embedding: embedding(1, 0, 0, photoId.charCodeAt(0)),
      storedKey,
    })
    const failed = (photoId: string, code: PhotoFailureCode = 'HTTP_404', attempts = 1) => ({
      photoId,
      code,
      message: `${photoId} failed`,
      attempts,
    })
    const collect = async <T>(pages: AsyncIterable<T[]>): Promise<T[][]> => {
      const all: T[][] = []
      for await (const page of pages) all.push(page)
      return all
    }
    /** Every row of the tables that an outcome touches, to see whether anything changed. */
    const contents = async () =>
      database.query(`
        select 'embeddings' as t, e::text as row, xmin::text from embeddings e
        union all select 'failures', f::text, xmin::text from failures f
        union all select 'labels', l::text, xmin::text from label_rows l
        union all select 'batches', b::text, xmin::text from batches b order by 1, 2`)

    test('what a file says fills what is unknown of its photo, and its keywords are found', async () => {
      await aRun()
      await ingest.upsertPhotos([aPhoto('b', { exif_iso: 100, photo_submitted_at: '2014-09-29 00:08:38' })])
      const metadata = {
        columns: {
          exif_iso: 800,
          photo_submitted_at: '2021-07-14 18:03:22',
          exif_time_offset: '+02:00',
          photo_location_latitude: 52.5,
          photo_location_longitude: 13.4,
          photo_title: 'In the park',
          photo_width: 60,
          photo_height: 40,
          photo_aspect_ratio: 1.5,
        },
        keywords: ['dog', 'snow'],
      }
      const outcome = anOutcome({ embedded: ['a', 'b'].map(id => ({ ...embedded(id), metadata })) })
      await ingest.recordOutcome(outcome)
      const rows = () =>
        database.query(`
          select exif_iso, photo_submitted_at::text, exif_time_offset, photo_title, photo_width, photo_image_url, p.xmin::text,
                 (select array_agg(keyword order by keyword) from photo_keywords k
                   where k.photo_id = p.photo_id and suggested_by_user and user_suggestion_source = 'file') as keywords,
                 (select words @@ plainto_tsquery('english', 'dogs in a park') from photo_texts t where t.photo_id = p.photo_id)
                   as found
            from photos p where photo_id in ('a', 'b') order by photo_id`)
      const written = await rows()
      const both = { photo_title: 'In the park', photo_width: 60, keywords: ['dog', 'snow'], found: true }
      expect(written).toMatchObject([
        { ...both, exif_iso: 800, photo_submitted_at: '2021-07-14 18:03:22', exif_time_offset: '+02:00' },
        { ...both, exif_iso: 100, photo_submitted_at: '2014-09-29 00:08:38', exif_time_offset: null },
      ])
      await ingest.recordOutcome(outcome)
      // The offset of b stays unknown: it would belong to another time.
      expect((await rows())[0]).toEqual(written[0])
    })

    test('counts what became of a run from the rows themselves', async () => {
      await aRun('run-1', { 'batch-1': ['a', 'b'], 'batch-2': ['c', 'd'] })
      await ingest.recordOutcome(anOutcome({ embedded: [embedded('a')], failures: [failed('b')] }))
      await ingest.recordOutcome(anOutcome({ parentId: 'batch-2', embedded: [embedded('c')] }))
      expect(await ingest.run('run-1')).toEqual({
        id: 'run-1',
        modelKey: 'clip-test@fp32',
        source: 'photos.tsv',
        createdAt: expect.any(Date),
        enqueuedAt: null,
        photos: 4,
        done: 2,
        failed: 1,
        state: 'enqueuing',
        priority: 'normal',
        givenUpBatches: 0,
        givenUpPhotos: 0,
        parkedBatches: 0,
        parkedPhotos: 0,
        openBatches: 1,
        photosPerSecond: expect.any(Number),
      })
      expect(await ingest.totals(modelId)).toEqual({ photos: 4, embedded: 2, failed: 1, labels: 0 })
      expect(await ingest.photoStates(modelId, ['a', 'b', 'c', 'd', 'x'])).toEqual({
        embedded: new Set(['a', 'c']),
        failed: new Set(['b']),
      })
      await ingest.finishEnqueue('run-1')
      expect((await ingest.run('run-1'))?.enqueuedAt).toBeInstanceOf(Date)
      expect(await ingest.run('no such run')).toBeNull()
    })

    test('settles a batch when each of its photos is embedded or failed', async () => {
      const settled = async () => (await database.query('select settled_at is not null as settled from batches'))[0]
      await aRun()
      await ingest.recordOutcome(anOutcome({ embedded: [embedded('a'), embedded('b')], failures: [failed('c')] }))
      expect(await settled()).toEqual({ settled: false })
      await ingest.recordOutcome(anOutcome({ failures: [failed('d')] }))
      expect(await settled()).toEqual({ settled: true })
    })

    test('changes nothing when the same outcome is written twice', async () => {
      await aRun()
      await new PostgresLabelRepository(database).savePrompts(
        modelId,
        { name: 'side', template: 'from {label}', labels: ['left', 'right'] },
        [embedding(1, 0, 0, 0), embedding(0, 1, 0, 0)],
      )
      const outcome = anOutcome({
        embedded: [embedded('a', 'copies/a.jpg'), embedded('b')],
        failures: [failed('c')],
        labelSets: ['side'],
      })
      await ingest.recordOutcome(outcome)
      const before = await contents()
      expect(before).toHaveLength(6)
      await ingest.recordOutcome(outcome)
      expect(await contents()).toEqual(before)
    })

    test('forgets the failure of a photo that succeeds later, and keeps the success of one that fails later', async () => {
      await aRun()
      await ingest.recordOutcome(anOutcome({ failures: [failed('a', 'TIMEOUT', 5)] }))
      await ingest.recordOutcome(anOutcome({ embedded: [embedded('a')] }))
      await ingest.recordOutcome(anOutcome({ failures: [failed('a')] }))
      expect(await ingest.photoStates(modelId, ['a'])).toEqual({ embedded: new Set(['a']), failed: new Set() })
      expect(await ingest.run('run-1')).toMatchObject({ done: 1, failed: 0 })
    })

    test('keeps the latest reason for which a photo failed', async () => {
      await aRun()
      await ingest.recordOutcome(anOutcome({ failures: [failed('a', 'TIMEOUT', 5)] }))
      await ingest.recordOutcome(anOutcome({ failures: [failed('a', 'HTTP_404', 1)] }))
      expect((await new PostgresSearchRepository(database).photo('a'))?.states).toMatchObject([
        { modelId, failure: { code: 'HTTP_404', attempts: 1 }, embeddedAt: null, labels: {} },
      ])
    })

    test('drops the labels of an embedding that is replaced by another', async () => {
      await aRun()
      const labels = new PostgresLabelRepository(database)
      await labels.savePrompts(modelId, { name: 'side', template: '{label}', labels: ['left', 'right'] }, [
        embedding(1, 0, 0, 0),
        embedding(0, 1, 0, 0),
      ])
      await ingest.recordOutcome(anOutcome({ embedded: [embedded('a')], labelSets: ['side'] }))
      expect((await ingest.totals(modelId)).labels).toBe(1)
      const replaced = { photoId: 'a', embedding: embedding(0, 1, 0, 0), storedKey: null }
      await ingest.recordOutcome(anOutcome({ embedded: [replaced] }))
      expect((await ingest.totals(modelId)).labels).toBe(0)
    })

    test('writes all of an outcome or nothing', async () => {
      await aRun()
      await expect(
        ingest.recordOutcome(
          anOutcome({
            embedded: [embedded('a'), { ...embedded('b'), embedding: embedding(1, 2, 3) }],
            failures: [failed('c')],
          }),
        ),
      ).rejects.toMatchObject({ code: 'USAGE', message: expect.stringContaining('a vector of 4 numbers expected') })
      expect(await ingest.totals(modelId)).toMatchObject({ embedded: 0, failed: 0 })
      await expect(
        ingest.recordOutcome(anOutcome({ embedded: [embedded('a')], labelSets: ['unknown'] })),
      ).rejects.toMatchObject({ code: 'NOT_FOUND' })
      expect(await ingest.totals(modelId)).toMatchObject({ embedded: 0, failed: 0 })
    })

    test('refuses an embedding that has no direction', async () => {
      await aRun()
      for (const bad of [embedding(0, 0, 0, 0), embedding(1e-9, 0, 0, 0), embedding(Number.NaN, 0, 0, 1)])
        await expect(
          ingest.recordOutcome(anOutcome({ embedded: [{ photoId: 'a', embedding: bad, storedKey: null }] })),
        ).rejects.toThrow()
    })

    test('keeps the vectors of two models apart, also when their dimensions differ', async () => {
      await aRun()
      const small = await ingest.registerModel(aModel({ name: 'small', dimension: 2 }))
      await ingest.recordOutcome(anOutcome({ embedded: [embedded('a'), embedded('b')] }))
      await ingest.recordOutcome({
        ...anOutcome({ embedded: [{ photoId: 'c', embedding: embedding(0, 1), storedKey: null }] }),
        modelId: small,
        parentId: 'none',
      })
      expect(await ingest.photoStates(small, ['a', 'b', 'c'])).toMatchObject({ embedded: new Set(['c']) })
      expect(await ingest.photoStates(modelId, ['a', 'b', 'c'])).toMatchObject({ embedded: new Set(['a', 'b']) })
      const search = new PostgresSearchRepository(database)
      expect((await search.search(small, embedding(0, 1), { k: 9 })).map(hit => hit.photoId)).toEqual(['c'])
      expect((await search.search(modelId, embedding(1, 0, 0, 0), { k: 9 })).map(hit => hit.photoId)).toEqual([
        'a',
        'b',
      ])
      await expect(search.search(small, embedding(1, 0, 0, 0), { k: 9 })).rejects.toMatchObject({ code: 'USAGE' })
      await expect(search.similar(small, 'a', { k: 9 })).rejects.toMatchObject({ code: 'NOT_EMBEDDED' })
    })

    test('moves batches that an earlier run recorded and that are not settled to the run that asks now', async () => {
      expect(await aRun('run-1', { 'batch-1': ['a', 'b'], 'batch-2': ['c', 'd'] })).toEqual(new Set())
      await ingest.recordOutcome(anOutcome({ embedded: [embedded('a'), embedded('b')] }))
      expect(await aRun('run-2', { 'batch-1': ['a', 'b'], 'batch-2': ['c', 'd'], 'batch-3': ['a'] })).toEqual(new Set())
      expect(await ingest.run('run-1')).toMatchObject({ photos: 2, done: 2 })
      expect(await ingest.run('run-2')).toMatchObject({ photos: 3, done: 0 })
      expect((await ingest.runs(10)).map(run => run.id)).toEqual(['run-2', 'run-1'])
      expect(await ingest.runs(1)).toHaveLength(1)
    })

    test('moves a settled batch, too, when some of its photos are to be tried again', async () => {
      await aRun('run-1', { 'batch-1': ['a', 'b'] })
      await ingest.recordOutcome(anOutcome({ embedded: [embedded('a')], failures: [failed('b')] }))
      await ingest.clearFailures(modelId, ['b'])
      await aRun('run-2', { 'batch-1': ['a', 'b'] })
      expect(await ingest.run('run-1')).toMatchObject({ photos: 0 })
      expect(await ingest.run('run-2')).toMatchObject({ photos: 2, done: 1, failed: 0 })
    })

    test('streams the photos without embedding, and those that failed, in pages by id', async () => {
      await aRun()
      await ingest.recordOutcome(
        anOutcome({ embedded: [embedded('b')], failures: [failed('a', 'HTTP_404'), failed('d', 'TIMEOUT')] }),
      )
      const ref = (id: string) => ({ id, url: `https://images.example/${id}`, template: null })
      expect(await collect(ingest.missingPhotos(modelId, 2))).toEqual([[ref('a'), ref('c')], [ref('d')]])
      expect(await collect(ingest.missingPhotos(modelId, 3))).toEqual([[ref('a'), ref('c'), ref('d')]])
      expect(await collect(ingest.failedPhotos(modelId, undefined, 1))).toEqual([[ref('a')], [ref('d')]])
      expect(await collect(ingest.failedPhotos(modelId, 'TIMEOUT', 10))).toEqual([[ref('d')]])
      expect(await ingest.failureGroups(modelId)).toEqual([
        { code: 'HTTP_404', photos: 1, photoId: 'a', message: 'a failed', url: 'https://images.example/a' },
        { code: 'TIMEOUT', photos: 1, photoId: 'd', message: 'd failed', url: 'https://images.example/d' },
      ])
      await ingest.clearFailures(modelId, ['a', 'b', 'c'])
      expect(await collect(ingest.failedPhotos(modelId, undefined, 10))).toEqual([[ref('d')]])
    })

    test('takes the outcomes of overlapping batches from many workers at once', async () => {
      const random = randomNumbers(5)
      const ids = Array.from({ length: 60 }, (_, i) => `p${String(i).padStart(2, '0')}`)
      await ingest.upsertPhotos(ids.map(id => aPhoto(id)))
      await ingest.createRun({ id: 'run', modelId, source: 'x', options: {} })
      const batches = Array.from({ length: 12 }, (_, i) => ({
        id: `batch-${i}`,
        runId: 'run',
        photoIds: ids.slice(i * 4, i * 4 + 16).sort(() => random()),
      }))
      await ingest.addBatches(batches)
      const vector = randomVector(4, random)
      await Promise.all(
        batches.map(batch =>
          ingest.recordOutcome({
            parentId: batch.id,
            modelId,
            embedded: batch.photoIds.slice(0, 8).map(photoId => ({ photoId, embedding: vector, storedKey: null })),
            failures: batch.photoIds.slice(8).map(id => failed(id)),
            labelSets: [],
          }),
        ),
      )
      await Promise.all(batches.map(batch => ingest.recordOutcome(anOutcome({ parentId: batch.id }))))
      const states = await ingest.photoStates(modelId, ids)
      for (const batch of await database.query<{ photo_ids: string[]; done_count: number; failed_count: number }>(
        'select photo_ids, done_count, failed_count from batches',
      )) {
        expect(batch.done_count).toBe(batch.photo_ids.filter(id => states.embedded.has(id)).length)
        expect(batch.failed_count).toBe(batch.photo_ids.filter(id => states.failed.has(id)).length)
      }
      expect([...states.embedded].filter(id => states.failed.has(id))).toEqual([])
    })
  })
})
