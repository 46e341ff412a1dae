import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PostgresIngestRepository } from '../../src/db/ingest/ingest-repository.js'
import { PostgresRunRepository } from '../../src/db/ingest/run-repository.js'
import { PostgresReferenceRepository } from '../../src/db/references/reference-repository.js'
import type { ModelId } from '../../src/domain/ports/repository.js'
import type { FolderStore } from '../../src/storage/folder-store.js'
import { aPhoto } from '../db/factories.js'
import { freshDatabases } from '../db/fresh-databases.js'
import { DOG, SNOW } from '../search/support.js'
import { serverKinds } from '../support/servers/postgres.js'
import { plantPhotos, removeStore, startApi, type TestApi, VECTORS } from './support.js'

describe.each(serverKinds())('the HTTP API on the $kind server', ({ available, start }) => {
  describe.skipIf(!available)('', () => {
    const fresh = freshDatabases(start)
    let api: TestApi
    let modelId: ModelId
    let store: FolderStore | undefined

    beforeAll(async () => {
      const made = await fresh()
      const { database } = made
      modelId = made.modelId
      store = await plantPhotos(database, modelId)
      api = await startApi(database, store)
    })
    afterAll(async () => {
      await api?.close()
      removeStore(store)
    })

    interface Result {
      model: string
      next: string | null
      corrected: boolean
      hits: {
        photo_id: string
        score: number
        correction: number | null
        copy: string
        labels: object
        photo: Record<string, unknown>
      }[]
      facets?: object[]
    }
    const result = async (response: Response | Promise<Response>) => {
      const answer = await response
      const body = await answer.json()
      expect(body, JSON.stringify(body)).toHaveProperty('hits')
      expect(answer.status).toBe(200)
      return body as Result
    }
    const search = (query: string) => result(api.get(`/search?${query}`))
    const ids = ({ hits }: Result) => hits.map(hit => hit.photo_id)
    const green = () =>
      sharp({ create: { width: 4, height: 4, channels: 3, background: { r: 0, g: 200, b: 0 } } })
        .png()
        .toBuffer()

    test('GET /api/v1/search finds photos by words, with metadata, labels and the path of the copy', async () => {
      const found = await search('q=a%20dog&k=2')
      expect(found.model).toBe('clip-test@fp32')
      expect(found.hits[0]).toMatchObject({
        photo_id: 'dog',
        score: expect.closeTo(1, 5),
        copy: '/api/v1/copies/h512-q65/dog.jpg',
        labels: { time: { label: expect.any(String), score: expect.any(Number) } },
        photo: { exif_iso: 100, photo_description: 'dog', photo_location_country: 'Norway' },
      })
      expect(ids(found)).toEqual(['dog', 'dog-at-night'])
    })

    test('GET /api/v1/search combines photos and words by weight', async () => {
      expect(ids(await search('like=dog-at-night&minus=at%20night:1&k=1'))).toEqual(['dog'])
      expect(ids(await search('q=a%20dog&plus=snow&k=1'))).toEqual(['dog-in-snow'])
      expect(ids(await search('photo=dog&k=2'))).toEqual(['dog-at-night', 'dog-in-snow'])
    })

    test('GET /api/v1/search applies conditions, a minimum score and facets of the hits', async () => {
      expect(ids(await search('q=a%20dog&where=exif_iso%3E=300')).sort()).toEqual(['dog-in-snow', 'snow'])
      expect(ids(await search('q=a%20dog&not_photos=dog&k=1'))).toEqual(['dog-at-night'])
      const found = await search('q=a%20dog&min_score=0.5&facets=country&facets=time')
      expect(ids(found)).toEqual(['dog', 'dog-at-night', 'dog-in-snow'])
      expect(found.facets).toMatchObject([
        { name: 'country', values: [{ value: 'Norway', photos: 3 }] },
        { name: 'time' },
      ])
    })

    test('GET /api/v1/search also matches the words themselves', async () => {
      const found = await search('q=snow&hybrid=true&k=2')
      expect(found.hits[0]).toMatchObject({ vector_rank: 1, text_rank: 1 })
      const rest = await search(`q=snow&hybrid=true&k=2&cursor=${found.next}`)
      expect(ids(rest)).not.toEqual(expect.arrayContaining(ids(found)))
    })

    test('pages hold every photo once while photos arrive, and Link leads through them', async () => {
      const seen: string[] = []
      let path: string | undefined = '/api/v1/search?q=a%20dog&k=2'
      while (path) {
        const response: Response = await api.get(`${api.server.url}${path}`)
        seen.push(...ids(await result(response.clone())))
        path = /^<([^>]+)>; rel="next"$/.exec(response.headers.get('link') ?? '')?.[1]
      }
      expect(seen.sort()).toEqual(Object.keys(VECTORS).sort())
    })

    test('a cursor of another search is refused', async () => {
      const { next } = await search('q=a%20dog&k=1')
      expect(next).not.toBeNull()
      expect((await search(`q=a%20dog&k=3&cursor=${next}`)).hits).toHaveLength(3)
      for (const other of [
        '/search?q=snow',
        '/search?q=a%20dog&label=time=snow',
        '/search?q=a%20dog&min_score=0.1',
        '/search?photo=dog',
        '/photos/dog/similar?k=1',
        '/photos?k=1',
      ]) {
        const refused = await api.get(`${other}&cursor=${next}`)
        expect(refused.status, other).toBe(422)
        expect(await refused.json()).toMatchObject({ detail: 'The cursor belongs to no page of this search.' })
      }
    })

    test('POST /api/v1/search finds photos by a picture, a vector, and combinations with weights', async () => {
      const picture = (await green()).toString('base64')
      expect(ids(await result(api.post('/search', { picture, k: 1 })))).toEqual(['dog'])
      expect(ids(await result(api.post('/search', { vector: [0, 0, 3, 0], k: 1 })))).toEqual(['snow'])
      const parts = [{ picture }, { words: 'snow', weight: 1 }]
      expect(ids(await result(api.post('/search', { parts, k: 1 })))).toEqual(['dog-in-snow'])
      const filters = [{ column: 'exif_iso', operator: 'in', value: [0, 300] }, { orientation: 'landscape' }]
      expect(ids(await result(api.post('/search', { words: 'snow', filters: filters.slice(0, 1) })))).toEqual([
        'snow',
        'night',
      ])
      expect(ids(await result(api.post('/search', { words: 'snow', filters })))).toEqual([])
      const labels = [{ set: 'time', label: 'snow' }]
      const first = await result(api.post('/search', { photo: 'dog', labels, k: 1 }))
      const second = await result(api.post('/search', { photo: 'dog', labels, k: 5, cursor: first.next }))
      expect(ids(second)).not.toContain(ids(first)[0])
    })

    test('GET /api/v1/search says that the order of its hits is corrected, by the weight that it is asked for', async () => {
      const references = new PostgresReferenceRepository(api.database)
      // Photos of dogs are hubs.
      await references.define(modelId, { texts: ['a dog', 'dogs', 'snow'], k: 2 }, [DOG, DOG, SNOW])
      await references.compare(modelId)
      const plain = await search('q=at%20night')
      expect(plain).toMatchObject({ corrected: false, hits: plain.hits.map(() => ({ correction: null })) })
      const corrected = await search('q=at%20night&correction_weight=1')
      expect(corrected.corrected).toBe(true)
      expect(ids(corrected)).toEqual(['night', 'dog-at-night', 'snow', 'dog-in-snow', 'dog'])
      expect(corrected.hits.map(hit => hit.correction)).toEqual(
        [0, Math.SQRT1_2, 0.5, Math.SQRT1_2, 1].map(correction => expect.closeTo(correction, 3)),
      )
      const pages: string[] = []
      for (let next: string | null = ''; next !== null; ) {
        const page: Result = await search(`q=at%20night&correction_weight=1&k=2${next && `&cursor=${next}`}`)
        pages.push(...ids(page))
        next = page.next
      }
      expect(pages).toEqual(ids(corrected))
      expect(await search('q=at%20night&correction_weight=1&hybrid=true')).toMatchObject({ corrected: true })
      expect(await result(api.post('/search', { words: 'at night', correction_weight: 1 }))).toEqual(corrected)
      expect((await api.post('/search', { photo: 'dog', correction_weight: 1 })).status).toBe(422)
      expect((await api.get('/search?q=at%20night&correction_weight=3')).status).toBe(400)
      await references.useWeight(modelId, 1)
      expect(await search('q=at%20night')).toEqual(corrected)
      expect(await search('photo=dog')).toMatchObject({ corrected: false })
      await references.drop(modelId)
    })

    test('searches store no words', async () => {
      await search('like=dog&plus=never%20stored')
      expect(await api.database.query('select from prompt_embeddings')).toEqual([])
    })

    test('POST /api/v1/search/picture finds photos by an uploaded picture', async () => {
      const upload = (type: string) =>
        green().then(png => api.post('/search/picture?k=1', png, { 'content-type': type }))
      expect(ids(await result(upload('image/png')))).toEqual(['dog'])
      expect(ids(await result(upload('application/octet-stream')))).toEqual(['dog'])
      const none = await api.post('/search/picture', Buffer.from('no picture'), { 'content-type': 'image/jpeg' })
      expect(none.status).toBe(422)
      expect(await none.json()).toMatchObject({ code: 'INPUT_INVALID' })
    })

    test('GET /api/v1/photos/{id} has metadata, and labels with all scores', async () => {
      expect(await api.read('/photos/dog')).toMatchObject({
        photo_id: 'dog',
        photo: { exif_iso: 100 },
        models: [
          { model: 'clip-test@fp32', failure: null, labels: { time: { scores: { snow: expect.any(Number) } } } },
        ],
      })
      expect((await api.get('/photos/nowhere')).status).toBe(404)
    })

    test('GET /api/v1/photos shows photos by their date, page by page, those without a date last', async () => {
      const photos = async (query: string) => {
        const found = (await api.read(`/photos?${query}`)) as unknown as {
          photos: { photo_id: string }[]
          next: string
        }
        return { ids: found.photos.map(photo => photo.photo_id), ...found }
      }
      const dates = { dog: '2015-02-03 04:05:06.789', snow: '2020-01-01 00:00:00', night: '2015-02-03 04:05:06.788' }
      for (const [id, date] of Object.entries(dates))
        await api.database.query('update photos set photo_submitted_at = $2 where photo_id = $1', [id, date])
      const oldest = ['night', 'dog', 'snow', 'dog-at-night', 'dog-in-snow']
      const newest = ['snow', 'dog', 'night', 'dog-at-night', 'dog-in-snow']
      expect((await photos('order=oldest')).ids).toEqual(oldest)
      const seen: string[] = []
      for (let query: string | null = 'k=2'; query; ) {
        const { ids, next } = await photos(query)
        seen.push(...ids)
        query = next && `k=2&cursor=${next}`
      }
      expect(seen).toEqual(newest)
      const first = await photos('where=photo_submitted_at%3C2016&k=1')
      expect(first.photos).toMatchObject([
        { photo_id: 'dog', copy: expect.any(String), labels: { time: {} }, photo: { exif_iso: 100 } },
      ])
      expect(first.photos[0]).not.toHaveProperty('score')
      expect((await api.get('/photos?cursor=bm8')).status).toBe(422)
    })

    test('GET /api/v1/photos/{id}/vector gives the embedding', async () => {
      expect(await api.read('/photos/dog/vector')).toEqual({
        photo_id: 'dog',
        model: 'clip-test@fp32',
        dimension: 4,
        vector: [0, 1, 0, 0],
      })
      expect((await api.get('/photos/nowhere/vector')).status).toBe(404)
    })

    test('GET /api/v1/examples names searches whose hits are nearer to them than to others', async () => {
      const { examples } = (await api.read('/examples')) as unknown as {
        examples: { words: string; photos: object[] }[]
      }
      expect(examples.length).toBeLessThanOrEqual(8)
      for (const { words, photos } of examples) {
        expect(words).toMatch(/^[a-z ]+$/)
        expect(photos[0]).toEqual({ photo_id: expect.any(String), copy: expect.stringMatching(/^\/api\/v1\/copies\//) })
      }
    })

    test('GET /api/v1/photos/{id}/similar leaves the photo out', async () => {
      const found = await result(api.get('/photos/dog/similar?k=1'))
      expect(ids(found)).toEqual(['dog-at-night'])
      expect(ids(await result(api.get(`/photos/dog/similar?k=1&cursor=${found.next}`)))).toEqual(['dog-in-snow'])
      expect((await api.get('/photos/nowhere/similar')).status).toBe(404)
    })

    test('GET /api/v1/label-sets, GET /api/v1/label-sets/{name} and GET /api/v1/label-sets/{name}/photos show labels', async () => {
      expect(await api.read('/label-sets')).toMatchObject({
        label_sets: [{ name: 'time', labels: ['at night', 'snow'] }],
      })
      const set = (await api.read('/label-sets/time?sample=1&seed=7')) as unknown as {
        histogram: { photos: number }[]
        sample: object[]
      }
      expect(set.histogram.reduce((sum, { photos }) => sum + photos, 0)).toBe(5)
      expect(set.sample).toHaveLength(2)
      expect((await api.get('/label-sets/unknown')).status).toBe(404)
      const lines = await (await api.get('/label-sets/time/photos')).text()
      const photos = lines
        .trim()
        .split('\n')
        .map(line => JSON.parse(line))
      expect(photos.map(line => line.photo_id)).toEqual(Object.keys(VECTORS).sort())
    })

    test('GET /api/v1/facets counts all photos, or those nearest to words', async () => {
      const all = { facets: [{ name: 'country', values: [{ value: 'Norway', photos: 5 }], other: 0, unknown: 0 }] }
      expect(await api.read('/facets?by=country')).toMatchObject(all)
      expect(await api.read('/facets?by=country&q=snow&n=2')).toMatchObject({
        facets: [{ values: [{ value: 'Norway', photos: 2 }] }],
      })
      expect((await api.get('/facets?by=shoe_size')).status).toBe(422)
    })

    test('GET /api/v1/duplicates finds pairs and their groups', async () => {
      const found = await api.read('/duplicates?threshold=0.7')
      expect(found).toMatchObject({ pairs_found: 4, groups_found: 1 })
      expect(await api.read('/duplicates?threshold=0.7&limit=1')).toMatchObject({
        pairs_found: 4,
        pairs: [{ score: expect.closeTo(Math.SQRT1_2, 3) }],
      })
    })

    test('POST /api/v1/embed/picture gives the vector of an uploaded picture', async () => {
      const picture = await green()
      const response = await api.post('/embed/picture', picture, { 'content-type': 'image/png' })
      const [{ vector, dimension }, { pictures }] = (await Promise.all([
        response.json(),
        (await api.post('/embed', { pictures: [picture.toString('base64')] })).json(),
      ])) as [{ vector: number[]; dimension: number }, { pictures: number[][] }]
      expect(vector).toEqual(pictures[0])
      expect(dimension).toBe(vector.length)
      const empty = await api.post('/embed/picture', Buffer.of(), { 'content-type': 'image/png' })
      expect(((await empty.json()) as { code: string }).code).toBe('INPUT_INVALID')
    })

    test('POST /api/v1/embed gives the vectors of texts and pictures', async () => {
      const pictures = [(await green()).toString('base64')]
      const response = await api.post('/embed', { texts: ['snow', 'a dog'], pictures })
      expect(await response.json()).toEqual({
        model: 'clip-test@fp32',
        dimension: 4,
        texts: [
          [0, 0, 1, 0],
          [0, 1, 0, 0],
        ],
        pictures: [[0, 1, 0, 0]],
      })
      expect((await api.post('/embed', {})).status).toBe(400)
    })

    test('GET /api/v1/models and GET /api/v1/models/searched name the models', async () => {
      expect(await api.read('/models')).toMatchObject({
        models: [{ model: 'clip-test@fp32', dimension: 4, photos: 5, searched: true }],
      })
      expect(await api.read('/models/searched')).toEqual({
        model: 'clip-test@fp32',
        dimension: 4,
        known: true,
        texts: true,
      })
    })

    test('GET /api/v1/runs and GET /api/v1/runs/{id} show runs with progress and failures', async () => {
      const ingest = new PostgresIngestRepository(api.database)
      await ingest.upsertPhotos([aPhoto('lost')])
      await ingest.addBatches([{ id: 'batch-1', runId: 'run-1', photoIds: ['dog', 'lost'] }])
      await ingest.finishEnqueue('run-1')
      const failure = { photoId: 'lost', code: 'HTTP_404' as const, message: 'status 404', attempts: 1 }
      const outcome = { modelId, embedded: [], failures: [failure], labelSets: [] }
      await ingest.recordOutcome({ ...outcome, parentId: 'batch-1' })
      const run = { id: 'run-1', model: 'clip-test@fp32', source: 'photos.tsv', photos: 2, done: 1, failed: 1, left: 0 }
      expect(await api.read('/runs')).toMatchObject({ runs: [run] })
      expect(await api.read('/runs/run-1')).toMatchObject({
        run: { ...run, state: 'done', eta_seconds: null },
        failures: [{ code: 'HTTP_404', photos: 1, example: { photo_id: 'lost', message: 'status 404' } }],
        given_up: [],
      })
      const missing = await api.get('/runs/nothing')
      expect([missing.status, await missing.json()]).toEqual([404, expect.objectContaining({ code: 'RUN_NOT_FOUND' })])
      expect((await api.read('/photos/lost')).models).toMatchObject([{ failure: { code: 'HTTP_404' } }])
      expect((await api.get('/photos/lost/similar')).status).toBe(409)
    })

    test('GET /api/v1/workers and GET /api/v1/queue show who works, and what waits', async () => {
      const startedAt = new Date('2026-01-02T03:04:05Z')
      await new PostgresRunRepository(api.database).report({
        ...{ id: 'worker-1', host: 'here', pid: 7, model: 'clip-test@fp32', startedAt, embedded: 9, failed: 1 },
        ...{ photosPerSecond: 2.5, inHand: { 'run-1': 4 }, trouble: null },
      })
      expect(await api.read('/workers')).toMatchObject({
        photos_per_second: 2.5,
        in_flight: 4,
        workers: [{ id: 'worker-1', host: 'here', started_at: startedAt.toISOString(), trouble: null }],
      })
      for (const [id, state] of [
        ['a', 'waiting'],
        ['b', 'waiting'],
        ['c', 'waiting'],
        ['d', 'active'],
      ] as const)
        api.queue.batches.set(id, { batch: {} as never, state })
      expect(await api.read('/queue')).toEqual({ depth: 4, waiting: 3, active: 1, delayed: 0, failed: 0 })
    })

    test('GET answers carry an entity tag, and 304 says that nothing changed', async () => {
      const first = await api.get('/search?q=snow')
      const again = await api.get('/search?q=snow', { headers: { 'if-none-match': first.headers.get('etag')! } })
      expect(again.status).toBe(304)
      expect(await again.text()).toBe('')
      const head = await api.get('/search?q=snow', { method: 'HEAD', headers: { 'if-none-match': '*' } })
      expect([head.status, head.headers.get('etag')]).toEqual([304, first.headers.get('etag')])
    })
  })
})
