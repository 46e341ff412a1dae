import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Database } from '../../../src/db/connection.js'
import { PostgresIngestRepository } from '../../../src/db/ingest/ingest-repository.js'
import { PostgresLabelRepository } from '../../../src/db/label-repository.js'
import { PostgresVectorRepository } from '../../../src/db/vectors/vector-repository.js'
import type { ModelId } from '../../../src/domain/ports/repository.js'
import type { VectorPage, VectorPages, VectorSelection } from '../../../src/domain/ports/vectors/vector-repository.js'
import { serverKinds, type TestServer } from '../../support/servers/postgres.js'
import { aModel, aPhoto, embedPhotos, randomNumbers, randomVector, toHalf } from '../factories.js'

const DIMENSION = 5
/** In the order of their bytes. */
const IDS = ['-1', '0', 'A', 'B', '_', 'a', 'b', 'ä']

describe.each(serverKinds())('Reading vectors on the $kind server', ({ available, start }) => {
  describe.skipIf(!available)('', () => {
    let server: TestServer
    let database: Database
    let repository: PostgresVectorRepository
    let modelId: ModelId
    const random = randomNumbers(3)
    const vectors = new Map(IDS.map(id => [id, randomVector(DIMENSION, random)]))
    beforeAll(async () => {
      server = await start()
    })
    afterAll(() => server?.close())
    beforeEach(async () => {
      database = await server.freshDatabase()
      repository = new PostgresVectorRepository(database)
      const ingest = new PostgresIngestRepository(database)
      modelId = await ingest.registerModel(aModel({ dimension: DIMENSION }))
      const other = await ingest.registerModel(aModel({ name: 'other' }))
      const photos = IDS.toReversed().map((id, i) => aPhoto(id, { exif_iso: 100 * i, photo_submitted_at: null }))
      await embedPhotos(
        database,
        modelId,
        photos,
        photos.map(({ photo_id }) => vectors.get(photo_id)!),
      )
      await embedPhotos(database, other, [aPhoto('c')], [Float32Array.of(1, 0, 0, 0)])
    })

    async function read(selection: Partial<VectorSelection> = {}, pages: VectorPages = {}): Promise<VectorPage[]> {
      const found: VectorPage[] = []
      for await (const page of repository.read({ modelId, ...selection }, pages)) found.push(page)
      return found
    }
    const idsOf = (pages: VectorPage[]) => pages.map(({ ids }) => ids)

    test('gives every photo of the model once, in the order of the bytes of its id, with the stored vector', async () => {
      const pages = await read({}, { pageSize: 3 })
      expect(idsOf(pages)).toEqual([IDS.slice(0, 3), IDS.slice(3, 6), IDS.slice(6)])
      for (const { ids, vectors: found, dimension } of pages) {
        expect(dimension).toBe(DIMENSION)
        expect([...found]).toEqual(ids.flatMap(id => [...vectors.get(id)!].map(toHalf)))
      }
    })

    test('continues after an id, of a photo that may be gone', async () => {
      expect(idsOf(await read({}, { after: 'B', pageSize: 2 }))).toEqual([
        ['_', 'a'],
        ['b', 'ä'],
      ])
      expect(idsOf(await read({}, { after: 'AA' }))).toEqual([IDS.slice(3)])
      expect(await read({}, { after: 'ä' })).toEqual([])
    })

    test('finds the photos of a list, however it is ordered', async () => {
      const ids = ['b', 'nobody', 'c', '0', 'b', 'A']
      expect(idsOf(await read({ ids }, { pageSize: 2 }))).toEqual([['0', 'A'], ['b']])
      expect(idsOf(await read({ ids }, { after: '0' }))).toEqual([['A', 'b']])
      expect(await read({ ids: [] })).toEqual([])
      expect(await repository.count({ modelId, ids })).toBe(3)
    })

    test('takes the filters of searches, and counts with them', async () => {
      const labels = new PostgresLabelRepository(database)
      const set = { name: 'side', template: '{label}', labels: ['left', 'right'] }
      const left = Float32Array.of(1, 0, 0, 0, 0)
      await labels.savePrompts(modelId, set, [left, left.map(value => -value)])
      await labels.labelPhotos(modelId, 'side')
      const isLeft = (id: string) => vectors.get(id)![0]! > 0
      const filters = {
        labels: [{ set: 'side', label: 'left' }],
        where: [{ column: 'exif_iso', operator: '>=', value: '200' } as const],
      }
      const expected = IDS.slice(0, 6).filter(isLeft)
      expect(expected.length).toBeGreaterThan(1)
      expect(idsOf(await read({ filters }, { pageSize: 1 })).flat()).toEqual(expected)
      expect(await repository.count({ modelId, filters })).toBe(expected.length)
      expect(await repository.count({ modelId })).toBe(IDS.length)
      const [page] = await read({}, { withLabels: true })
      expect(page!.labels.map(label => label.side!.label)).toEqual(IDS.map(id => (isLeft(id) ? 'left' : 'right')))
      expect(page!.labels[0]!.side!.score).toBeGreaterThan(0.5)
    })

    test('gives the wanted metadata and the key of the copy', async () => {
      await database.query(`update embeddings set stored_key = 'copies/a' where photo_id = 'a'`)
      const [page] = await read({ ids: ['a', 'b'] }, { columns: ['exif_iso', 'photo_image_url'] })
      expect(page!.photos).toEqual([
        { photo_image_url: 'https://images.example/a', exif_iso: 200 },
        { photo_image_url: 'https://images.example/b', exif_iso: 100 },
      ])
      expect(page!.storedKeys).toEqual(['copies/a', null])
      expect(page!.labels).toEqual([{}, {}])
      expect((await read({ ids: ['a'] }))[0]!.photos).toEqual([{}])
    })

    test('refuses a filter that is none, and stops when it is told to', async () => {
      const where = [{ column: 'nothing', operator: '=', value: '1' }] as never
      await expect(read({ filters: { where } })).rejects.toMatchObject({ code: 'FILTER_INVALID' })
      await expect(repository.count({ modelId, filters: { where } })).rejects.toMatchObject({ code: 'FILTER_INVALID' })
      await expect(read({}, { signal: AbortSignal.abort(new Error('stopped')) })).rejects.toThrow('stopped')
    })
  })
})
