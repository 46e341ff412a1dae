import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PostgresProjectionRepository } from '../../src/db/analysis/projection-repository.js'
import { PostgresIngestRepository } from '../../src/db/ingest/ingest-repository.js'
import type { FolderStore } from '../../src/storage/folder-store.js'
import { aModel } from '../db/factories.js'
import { embeddedServer, type TestServer } from '../support/servers/postgres.js'
import { plantPhotos, removeStore, startApi, type TestApi, VECTORS } from './support.js'

const IDS = Object.keys(VECTORS).sort()

describe('projections over HTTP', () => {
  let server: TestServer
  let store: FolderStore
  let api: TestApi

  beforeAll(async () => {
    server = await embeddedServer()
    const database = await server.freshDatabase()
    const modelId = await new PostgresIngestRepository(database).registerModel(aModel())
    store = await plantPhotos(database, modelId)
    const points = Float32Array.from({ length: 2 * IDS.length }, (_, i) => i / 4)
    const projection = { name: 'plane', method: 'pca', parameters: { explained: [0.5, 0.25] } }
    await new PostgresProjectionRepository(database).save(modelId, projection, { ids: IDS, points })
    api = await startApi(database, store)
  })
  afterAll(async () => {
    await api?.close()
    removeStore(store)
    await server?.close()
  })

  test('GET /api/v1/projections lists them', async () => {
    expect(await api.read('/projections')).toEqual({
      model: 'clip-test@fp32',
      projections: [
        {
          name: 'plane',
          method: 'pca',
          parameters: { explained: [0.5, 0.25] },
          created_at: expect.any(String),
          photos: 5,
        },
      ],
    })
  })

  test('GET /api/v1/projections/{name} gives the points', async () => {
    const { photo_ids: ids, points } = (await api.read('/projections/plane')) as unknown as {
      photo_ids: string[]
      points: string
    }
    expect(ids).toEqual(IDS)
    const bytes = Buffer.from(points, 'base64')
    expect(Array.from({ length: 10 }, (_, i) => bytes.readFloatLE(4 * i))).toEqual(
      Array.from({ length: 10 }, (_, i) => i / 4),
    )
    expect((await api.get('/projections/unknown')).status).toBe(404)
    expect((await api.get('/projections/A-B')).status).toBe(400)
  })

  test('GET /api/v1/projections/{name}/colors gives the value of each photo', async () => {
    const { values, places } = (await api.read('/projections/plane/colors?by=time')) as unknown as {
      values: { value: string; photos: number }[]
      places: string
    }
    expect(values.map(({ value }) => value)).toEqual(['at night', 'snow'])
    expect(Buffer.from(places, 'base64')).toHaveLength(5)
    const few = (await api.read('/projections/plane/colors?by=iso&top=1')) as unknown as { places: string }
    expect([...Buffer.from(few.places, 'base64')]).toContain(255)
    expect((await api.get('/projections/plane/colors?by=keyword')).status).toBe(422)
    expect((await api.get('/projections/plane/colors')).status).toBe(400)
  })
})
