import { beforeEach, describe, expect, test } from 'vitest'
import type { Database } from '../../../src/db/connection.js'
import type { PostgresIngestRepository } from '../../../src/db/ingest/ingest-repository.js'
import { PostgresSearchRepository } from '../../../src/db/search/search-repository.js'
import type { ModelId } from '../../../src/domain/ports/repository.js'
import { serverKinds } from '../../support/servers/postgres.js'
import { aModel, aPhoto } from '../factories.js'
import { freshDatabases } from '../fresh-databases.js'

const kinds = serverKinds()
describe.each(kinds)('models and photos on the $kind server', ({ available, start }) => {
  describe.skipIf(!available)('', () => {
    let database: Database
    let ingest: PostgresIngestRepository
    let modelId: ModelId
    const fresh = freshDatabases(start)
    beforeEach(async () => {
      ;({ database, ingest, modelId } = await fresh())
    })

    test('finds a model by name and precision, and by name alone', async () => {
      const identity = aModel()
      expect(await ingest.findModel('clip-test@fp32')).toEqual({ id: modelId, identity })
      expect(await ingest.findModel('clip-test')).toEqual({ id: modelId, identity })
      expect(await ingest.findModel('clip-test@int8')).toBeNull()
      expect(await ingest.findModel('other')).toBeNull()
      const newer = await ingest.registerModel(aModel({ revision: 'def' }))
      expect((await ingest.findModel('clip-test@fp32'))?.id).toBe(newer)
    })

    test('registers a model once, however many do so at the same time', async () => {
      const ids = await Promise.all(
        Array.from({ length: 8 }, () => ingest.registerModel(aModel({ name: 'another', dimension: 3 }))),
      )
      expect(new Set(ids).size).toBe(1)
      expect(ids[0]).not.toBe(modelId)
    })

    test('refuses a model that is known with another dimension', async () => {
      await expect(ingest.registerModel(aModel({ dimension: 5 }))).rejects.toMatchObject({
        code: 'MODEL_INVALID',
        message: expect.stringContaining('makes embeddings of 4 numbers, not 5'),
      })
    })

    test('keeps how a model scores labels, and refuses it with other values under the same revision', async () => {
      const siglip = aModel({ name: 'siglip', scoring: 'sigmoid', logitScale: 117.33, logitBias: -12.93 })
      const id = await ingest.registerModel(siglip)
      expect(await ingest.findModel('siglip')).toEqual({ id, identity: siglip })
      expect(await ingest.registerModel(siglip)).toBe(id)
      for (const other of [{ scoring: 'softmax' as const }, { logitBias: -13 }, { logitScale: 100 }])
        await expect(ingest.registerModel({ ...siglip, ...other })).rejects.toMatchObject({
          code: 'MODEL_INVALID',
          message: expect.stringContaining('is known here with sigmoid scores (logit scale 117.33, bias -12.93)'),
        })
    })

    test('knows the model of the newest run', async () => {
      expect(await ingest.latestModel()).toBeNull()
      await ingest.createRun({ id: 'run-1', modelId, source: 'x', options: {} })
      const other = await ingest.registerModel(aModel({ name: 'another' }))
      expect((await ingest.latestModel())?.id).toBe(modelId)
      await ingest.createRun({ id: 'run-2', modelId: other, source: 'x', options: {} })
      expect(await ingest.latestModel()).toEqual({ id: other, identity: aModel({ name: 'another' }) })
    })

    test('keeps every column of a photo, of every type', async () => {
      const photo = aPhoto('full-1', {
        photo_submitted_at: '2014-09-29 00:08:38.594364',
        photo_featured: true,
        photo_width: 4272,
        photo_aspect_ratio: 1.5,
        photo_description: 'quotes " \' , {braces} \\ back\nlines, Ü and 🦊',
        exif_iso: 0,
        stats_views: 9_007_199_254_740_991,
        photo_location_latitude: -33.8688197,
        ai_primary_landmark_confidence: 1e-12,
      })
      await ingest.upsertPhotos([photo])
      const found = await new PostgresSearchRepository(database).photo('full-1')
      expect(found).toEqual({ photo, states: [] })
    })

    test('stores a text without the characters that Postgres cannot hold', async () => {
      await ingest.upsertPhotos([aPhoto('nul', { photo_description: 'a\0b\ud800c' })])
      const found = await new PostgresSearchRepository(database).photo('nul')
      expect(found?.photo.photo_description).toBe('ab\ufffdc')
    })

    test('updates metadata, but never replaces a known value by an unknown one', async () => {
      await ingest.upsertPhotos([aPhoto('a', { photo_width: 10, photo_description: 'old', exif_iso: 100 })])
      await ingest.upsertPhotos([aPhoto('a', { photo_width: 20, photo_description: null, stats_views: 5 })])
      const found = await new PostgresSearchRepository(database).photo('a')
      expect(found?.photo).toMatchObject({ photo_width: 20, photo_description: 'old', exif_iso: 100, stats_views: 5 })
    })

    test('merges a photo that comes twice in one call', async () => {
      await ingest.upsertPhotos([aPhoto('a', { photo_width: 10, exif_iso: 100 }), aPhoto('a', { photo_width: 20 })])
      const found = await new PostgresSearchRepository(database).photo('a')
      expect(found?.photo).toMatchObject({ photo_width: 20, exif_iso: 100 })
    })

    test('leaves a photo that would not change untouched', async () => {
      const version = () => database.query('select xmin::text from photos')
      await ingest.upsertPhotos([aPhoto('a', { photo_width: 10 })])
      const before = await version()
      await ingest.upsertPhotos([aPhoto('a', { photo_width: 10 })])
      await ingest.upsertPhotos([aPhoto('a')])
      expect(await version()).toEqual(before)
    })

    test('takes an empty list of anything', async () => {
      await ingest.upsertPhotos([])
      expect(await ingest.addBatches([])).toEqual(new Set())
      expect(await ingest.photoStates(modelId, [])).toEqual({ embedded: new Set(), failed: new Set() })
      await ingest.clearFailures(modelId, [])
      await ingest.recordOutcome({ parentId: 'none', modelId, embedded: [], failures: [], labelSets: [] })
    })
  })
})
