import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { FolderStore } from '../../src/storage/folder-store.js'
import { freshDatabases } from '../db/fresh-databases.js'
import { serverKinds } from '../support/servers/postgres.js'
import { plantPhotos, removeStore, startApi, type TestApi } from './support.js'

describe.each(serverKinds())('counts of the HTTP API on the $kind server', ({ available, start }) => {
  describe.skipIf(!available)('', () => {
    const fresh = freshDatabases(start)
    let api: TestApi
    let store: FolderStore | undefined

    beforeAll(async () => {
      const { database, modelId } = await fresh()
      store = await plantPhotos(database, modelId)
      await database.query(
        `update photos set photo_location_latitude = 60 + exif_iso / 1000.0, photo_location_longitude = 5 where photo_id <> 'dog'`,
      )
      // Not embedded, but part of what words are compared with.
      await database.query(
        `insert into photos (photo_id, photo_image_url, photo_description)
         select 'tree-' || i, 'https://images.example/tree', 'a tree' from generate_series(1, 10) as i`,
      )
      api = await startApi(database, store)
    })
    afterAll(async () => {
      await api?.close()
      removeStore(store)
    })
    const post = async (path: string, body: object) => {
      const response = await api.post(path, body)
      return { status: response.status, ...((await response.json()) as Record<string, never>) }
    }

    test('POST /api/v1/facets counts photos near anything that can be searched for, or all', async () => {
      const country = (photos: number) => ({ status: 200, facets: [{ values: [{ value: 'Norway', photos }] }] })
      expect(await post('/facets', { by: ['country'] })).toMatchObject(country(5))
      expect(await post('/facets', { by: ['country'], words: 'snow', n: 2 })).toMatchObject(country(2))
      expect(await post('/facets', { by: ['country'], vector: [0, 0, 1, 0], min_score: 0.5 })).toMatchObject(country(2))
      const filters = [{ column: 'exif_iso', operator: '>=', value: 100 }]
      expect(await post('/facets', { by: ['country'], filters })).toMatchObject(country(4))
      // As in a search, without the photos that it names.
      expect(await post('/facets', { by: ['country'], photo: 'dog' })).toMatchObject(country(4))
      const parts = [{ photo: 'dog' }, { words: 'snow', weight: -1 }]
      expect(await post('/facets', { by: ['country'], parts, min_score: 0.1 })).toMatchObject(country(1))
      expect(await post('/facets', { words: 'snow', photo: 'dog' })).toMatchObject({ status: 422 })
      expect(await post('/facets', { by: ['shoe_size'] })).toMatchObject({ status: 422, code: 'USAGE' })
    })

    test('GET /api/v1/places counts photos in cells', async () => {
      expect(await api.read('/places')).toMatchObject({
        placed: 4,
        cells: [{ photos: 4, south: 60, west: 5, north: 60.4, east: 5, longitude: 5 }],
      })
      expect(await api.read('/places?cell=0.05&box=60.1,0,60.35,10')).toMatchObject({
        placed: 2,
        cells: [{ latitude: 60.2 }, { latitude: 60.3 }],
      })
      expect(await api.read('/places?q=at%20night&n=1')).toMatchObject({ placed: 1 })
      for (const wrong of ['cell=0', 'cell=x', 'box=1,2,3', 'top=0', 'near=1'])
        expect((await api.get(`/places?${wrong}`)).status, wrong).toBe(400)
      expect((await api.get('/places?box=10,0,-10,0')).status).toBe(422)
    })

    test('POST /api/v1/places counts photos near anything that can be searched for', async () => {
      expect(await post('/places', { photo: 'dog', n: 2, cell: 1 })).toMatchObject({ status: 200, placed: 2 })
      const box = { south: 60.35, west: 0, north: 61, east: 10 }
      expect(await post('/places', { box })).toMatchObject({ placed: 1, cells: [{ photos: 1 }] })
      expect(await post('/places', { box: { ...box, south: 100 } })).toMatchObject({ status: 400 })
    })

    test('GET /api/v1/shared-words names words that hits share, without those of the search', async () => {
      expect(await api.read('/shared-words?q=a%20dog&n=3')).toMatchObject({ words: [] })
      expect(await api.read('/shared-words?q=snow&n=2')).toEqual({ model: 'clip-test@fp32', words: [] })
      expect(await api.read('/shared-words?q=at%20night&n=2&top=1')).toMatchObject({ words: [] })
      const filtered = await api.read('/shared-words?photos=dog&photos=dog-in-snow&photos=dog-at-night')
      expect(filtered).toMatchObject({
        words: [{ word: 'dog', source: 'texts', photos: 3, of: 3, share_of_all: expect.closeTo(3.5 / 16) }],
      })
      expect((await api.get('/shared-words?n=0')).status).toBe(400)
    })

    test('POST /api/v1/shared-words names words that the photos near a vector share', async () => {
      expect(await post('/shared-words', { vector: [0, 1, 0, 0], n: 3 })).toMatchObject({
        status: 200,
        words: [{ word: 'dog', photos: 3, of: 3 }],
      })
      expect(await post('/shared-words', { vector: [0, 1] })).toMatchObject({ status: 422, code: 'USAGE' })
    })

    test('relevant=true counts and finds only photos that show the words, after comparing a small collection once', async () => {
      const found = await api.read('/search?q=snow&relevant=true')
      expect(found).toMatchObject({ hits: [{ photo_id: 'snow' }, { photo_id: 'dog-in-snow' }], next: null })
      expect(await post('/search', { words: 'snow', relevant: true, k: 1 })).toMatchObject({
        status: 200,
        hits: [{ photo_id: 'snow' }],
        next: expect.any(String),
      })
      expect(await api.read('/search?q=snow&relevant=true&photos=dog')).toMatchObject({ hits: [], next: null })
      expect(await api.read('/search?q=snow&relevant=true&min_score=0.9')).toMatchObject({ hits: [{}] })
      const both = await api.read('/search?q=snow&plus=a%20dog&minus=at%20night&relevant=true')
      expect(both).toMatchObject({ hits: [{ photo_id: 'dog-in-snow' }] })
      const country = { facets: [{ values: [{ value: 'Norway', photos: 2 }] }] }
      expect(await api.read('/facets?by=country&q=snow&relevant=true')).toMatchObject(country)
      expect(await api.read('/search?q=snow&relevant=true&hybrid=true')).toMatchObject({ hits: [{}, {}] })
      for (const refused of [
        { photo: 'dog' },
        { vector: [0, 1, 0, 0] },
        { parts: [{ words: 'snow', weight: -1 }, { photo: 'dog' }] },
      ])
        expect(await post('/search', { ...refused, relevant: true })).toMatchObject({ status: 422, code: 'USAGE' })
    })

    test('POST /api/v1/duplicates names the photo that stands for each near duplicate of a list', async () => {
      const photos = ['dog', 'dog-at-night', 'dog-in-snow', 'snow', 'gone']
      expect(await post('/duplicates', { photos, threshold: 0.7 })).toMatchObject({
        status: 200,
        duplicates: [
          { photo_id: 'dog-at-night', of: 'dog', score: expect.closeTo(Math.SQRT1_2, 3) },
          { photo_id: 'dog-in-snow', of: 'dog' },
        ],
      })
      expect(await post('/duplicates', { photos: ['dog-in-snow'], known: ['snow'], threshold: 0.7 })).toMatchObject({
        duplicates: [{ photo_id: 'dog-in-snow', of: 'snow' }],
      })
      expect(await post('/duplicates', { photos })).toMatchObject({ duplicates: [] })
      for (const wrong of [{}, { photos: [] }, { photos: ['dog'], threshold: 2 }])
        expect((await api.post('/duplicates', wrong)).status).toBe(400)
    })

    test('folders of files are counted for those only who may see them', async () => {
      const reader = await startApi(api.database, api.store, { options: { anonymous: 'read' } })
      for (const [of, status] of [[reader, 422] as const, [api, 200] as const]) {
        expect((await of.get('/facets?by=folder')).status).toBe(status)
        expect((await of.post('/facets', { by: ['year', 'folder'] })).status).toBe(status)
        expect((await of.get('/search?q=snow&facets=folder')).status).toBe(status)
      }
      expect(await (await reader.get('/facets?by=folder')).json()).toMatchObject({ code: 'FILTER_INVALID' })
      await reader.close()
    })
  })
})
