import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '../../../src/db/connection.js'
import { PostgresIngestRepository } from '../../../src/db/ingest/ingest-repository.js'
import { PostgresSearchRepository } from '../../../src/db/search/search-repository.js'
import type { ModelId } from '../../../src/domain/ports/repository.js'
import { serverKinds, type TestServer } from '../../support/servers/postgres.js'
import { aModel, aPhoto, embedPhotos } from '../factories.js'

const at = (latitude: number, longitude: number) => ({
  photo_location_latitude: latitude,
  photo_location_longitude: longitude,
})
const SNOW = Float32Array.of(1, 0, 0)
const SEA = Float32Array.of(0, 1, 0)
/** Photos that are near to neither. */
const OTHERS = ['g', 'h', 'i', 'j', 'k', 'l', 'm', 'n']

describe.each(serverKinds())('places and shared words on the $kind server', ({ available, start }) => {
  describe.skipIf(!available)('', () => {
    let server: TestServer
    let database: Database
    let repository: PostgresSearchRepository
    let modelId: ModelId

    beforeAll(async () => {
      server = await start()
      database = await server.freshDatabase()
      repository = new PostgresSearchRepository(database)
      modelId = await new PostgresIngestRepository(database).registerModel(aModel({ dimension: 3 }))
      const photos = [
        aPhoto('a', { ...at(60.2, 5.1), photo_description: 'A skier in the snow' }),
        aPhoto('b', { ...at(60.4, 5.3), photo_description: 'Two skiers; the snow, a photo' }),
        aPhoto('c', { ...at(-33.9, 18.4), photo_description: 'Snow at night, a photo' }),
        aPhoto('d', { ...at(59.9, -5.3), photo_description: 'The sea, a photo' }),
        aPhoto('e', { photo_description: 'Boats on the sea, a photo' }),
        aPhoto('f', { photo_description: 'A photo' }),
        ...OTHERS.map(id => aPhoto(id, { photo_description: 'A photo' })),
      ]
      const vectors = [SNOW, SNOW, SNOW, SEA, SEA, SEA].map((vector, i) =>
        Float32Array.from(vector, (value, axis) => value + (axis === 2 ? i / 100 : 0)),
      )
      await embedPhotos(database, modelId, photos, [...vectors, ...OTHERS.map(() => Float32Array.of(0, 1, 1))])
    })
    afterAll(() => server?.close())

    test('cells count photos with a place, with their mean and bounds, the fullest first', async () => {
      expect(await repository.places(modelId, { cell: 5 })).toEqual({
        placed: 4,
        cells: [
          { latitude: 60.3, longitude: expect.closeTo(5.2), south: 60.2, west: 5.1, north: 60.4, east: 5.3, photos: 2 },
          expect.objectContaining({ latitude: -33.9, photos: 1 }),
          expect.objectContaining({ latitude: 59.9, longitude: -5.3, photos: 1 }),
        ],
      })
      const fine = await repository.places(modelId, { cell: 0.1, top: 2 })
      expect([fine.placed, fine.cells.length]).toEqual([4, 2])
    })

    test('places are those of the photos nearest to a query, under conditions, inside a box', async () => {
      const box = { south: 50, west: 0, north: 70, east: 10 }
      expect(await repository.places(modelId, { cell: 5, box })).toMatchObject({ placed: 2 })
      expect(await repository.places(modelId, { cell: 5, query: SEA, n: 3 })).toMatchObject({ placed: 1 })
      const where = [{ near: { latitude: 60, longitude: 5, km: 100 } }]
      expect(await repository.places(modelId, { cell: 5, where })).toMatchObject({ placed: 2 })
      expect(await repository.places(modelId, { cell: 5, parts: [{ photo: 'd', weight: 1 }], n: 1 })).toMatchObject({
        placed: 1,
        cells: [{ latitude: 59.9 }],
      })
      expect(await repository.places(modelId, { cell: 5, where: [{ photos: [] }] })).toEqual({ placed: 0, cells: [] })
    })

    test('cells and boxes that are none are refused', async () => {
      const turned = { south: 10, west: 0, north: -10, east: 10 }
      for (const options of [{ cell: 0 }, { cell: -1 }, { cell: 181 }, { cell: 5, top: 0 }, { cell: 5, box: turned }])
        await expect(repository.places(modelId, options)).rejects.toMatchObject({ code: 'USAGE' })
    })

    test('shared words are those that the hits have and the others do not, one per stem, in their usual form', async () => {
      const words = await repository.sharedWords(modelId, { query: SNOW, n: 3 })
      expect(words.map(({ word, photos, hits }) => [word, photos, hits])).toEqual([
        ['snow', 3, 3],
        ['skier', 2, 3],
      ])
      expect(words[0]!.shareOfAll).toBeCloseTo(3.5 / 15)
      expect((await repository.sharedWords(modelId, { query: SNOW, n: 3, top: 1 })).length).toBe(1)
    })

    test('what chance gives to a few hits is not shared by them', async () => {
      // Two of four hits have a word that two of all 14 photos have: among four drawn photos it happens one time in 15.
      const words = await repository.sharedWords(modelId, { where: [{ photos: ['a', 'b', 'g', 'h'] }], n: 4 })
      expect(words).toEqual([])
    })

    test('words of the search are left out, in every form', async () => {
      const words = await repository.sharedWords(modelId, { query: SNOW, n: 3, omitted: 'skiing in snows, skiers' })
      expect(words).toEqual([])
    })

    test('keywords count as words, and a result without words shares none', async () => {
      await database.query(
        `insert into photo_keywords (photo_id, keyword) values ('d', 'lighthouse'), ('e', 'lighthouse')`,
      )
      const words = await repository.sharedWords(modelId, { query: SEA, n: 3 })
      expect(words.map(({ word }) => word)).toEqual(['lighthouse', 'sea'])
      expect(await repository.sharedWords(modelId, { where: [{ photos: [] }] })).toEqual([])
      await expect(repository.sharedWords(modelId, { top: 0 })).rejects.toMatchObject({ code: 'USAGE' })
      await expect(repository.sharedWords(modelId, { n: 0 })).rejects.toMatchObject({ code: 'USAGE' })
    })

    test('pairs among photos are those between them and with known ones, each once', async () => {
      const pairs = await repository.pairsAmong(modelId, ['b', 'd', 'gone'], ['a', 'e', 'b'], 0.99)
      const names = pairs.map(({ photoId, otherId }) => [photoId, otherId].sort().join(' ')).sort()
      expect([...new Set(names)]).toEqual(['a b', 'd e'])
      for (const { score } of pairs) expect(score).toBeGreaterThanOrEqual(0.99)
      expect(await repository.pairsAmong(modelId, ['a'], ['d'], 0.9)).toEqual([])
    })
  })
})
