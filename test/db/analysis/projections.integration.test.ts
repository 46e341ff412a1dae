import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PostgresProjectionRepository } from '../../../src/db/analysis/projection-repository.js'
import type { Database } from '../../../src/db/connection.js'
import { PostgresIngestRepository } from '../../../src/db/ingest/ingest-repository.js'
import { PostgresLabelRepository } from '../../../src/db/label-repository.js'
import type { ModelId } from '../../../src/domain/ports/repository.js'
import { serverKinds, type TestServer } from '../../support/servers/postgres.js'
import { aModel, aPhoto, embedPhotos } from '../factories.js'

const IDS = ['B', 'a', 'c', 'd']
const COUNTRIES = ['Norway', 'Chile', 'Norway', null]
const ISO = [3200, 100, 100, 200]

describe.each(serverKinds())('projections on the $kind server', ({ available, start }) => {
  describe.skipIf(!available)('', () => {
    let server: TestServer
    let database: Database
    let projections: PostgresProjectionRepository
    let modelId: ModelId

    beforeAll(async () => {
      server = await start()
      database = await server.freshDatabase()
      projections = new PostgresProjectionRepository(database)
      modelId = await new PostgresIngestRepository(database).registerModel(aModel())
      const axis = (i: number) => Float32Array.from({ length: 4 }, (_, j) => (i === j ? 1 : 0))
      const set = { name: 'time', template: '{label}', labels: ['night', 'day'] }
      await new PostgresLabelRepository(database).savePrompts(modelId, set, [axis(3), axis(0)])
      await embedPhotos(
        database,
        modelId,
        IDS.map((id, i) => aPhoto(id, { photo_location_country: COUNTRIES[i], exif_iso: ISO[i] })),
        [axis(0), axis(0), axis(0), axis(3)],
        ['time'],
      )
    })
    afterAll(() => server?.close())

    test('are stored, listed, read by id and replaced', async () => {
      const points = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
      const projection = { name: 'umap', method: 'umap', parameters: { seed: 1, explained: [0.5, 0.25] } }
      expect(await projections.save(modelId, projection, { ids: [...IDS, 'gone'], points })).toBe(4)
      expect(await projections.list(modelId)).toEqual([{ ...projection, photos: 4, createdAt: expect.any(Date) }])
      expect(await projections.points(modelId, 'umap')).toEqual({ ids: IDS, points: points.slice(0, 8) })
      await projections.save(modelId, { ...projection, method: 'pca' }, { ids: ['a'], points: Float32Array.of(0, 1) })
      expect(await projections.list(modelId)).toMatchObject([{ method: 'pca', photos: 1 }])
      await projections.save(modelId, projection, { ids: IDS, points: points.slice(0, 8) })
      const rows = await database.query(`select photo_id, x, y from projection('umap') where photo_id = 'a'`)
      expect(rows).toEqual([{ photo_id: 'a', x: 3, y: 4 }])
    })

    test('are coloured by labels and metadata, in the order of facets', async () => {
      const byLabel = await projections.colors(modelId, 'umap', 'time', 9)
      expect(byLabel.values).toEqual([
        { value: 'night', photos: 1 },
        { value: 'day', photos: 3 },
      ])
      expect([...byLabel.places]).toEqual([1, 1, 1, 0])
      const byCountry = await projections.colors(modelId, 'umap', 'country', 1)
      expect(byCountry.values).toEqual([{ value: 'Norway', photos: 2 }])
      expect([...byCountry.places]).toEqual([0, -1, 0, -1])
      const byIso = await projections.colors(modelId, 'umap', 'iso', 9)
      expect(byIso.values.map(({ value }) => value)).toEqual(['up to 100', '101 to 200', '1601 to 3200'])
      expect((await projections.colors(modelId, 'umap', 'folder', 9)).values).toEqual([])
    })

    test('an unknown name, and what a photo has many of, are refused', async () => {
      await expect(projections.points(modelId, 'nothing')).rejects.toMatchObject({
        code: 'NOT_FOUND',
        message: expect.stringContaining('known: umap'),
      })
      await expect(projections.colors(modelId, 'umap', 'keyword', 9)).rejects.toMatchObject({ code: 'USAGE' })
    })

    test('a photo that is removed leaves them, and one that is removed itself takes its points along', async () => {
      await database.query(`select remove_photos(array['a'])`)
      expect((await projections.points(modelId, 'umap')).ids).toEqual(['B', 'c', 'd'])
      expect(await projections.remove(modelId, 'umap')).toBe(true)
      expect(await projections.remove(modelId, 'umap')).toBe(false)
      expect(await database.query('select from projection_points')).toEqual([])
    })
  })
})
