import { request } from 'node:http'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { PostgresKeyRepository } from '../../src/db/key-repository.js'
import { newApiKey, type Scope } from '../../src/domain/api-key.js'
import { copyKey } from '../../src/domain/places/copy-key.js'
import type { FolderStore } from '../../src/storage/folder-store.js'
import { aPhoto } from '../db/factories.js'
import { type Fresh, freshDatabases } from '../db/fresh-databases.js'
import { embeddedServer } from '../support/servers/postgres.js'
import { until } from '../support/until.js'
import { plantPhotos, removeStore, startApi, type TestApi, type TestChanges } from './support.js'

const JSON_TYPE = { 'content-type': 'application/json' }

describe('what changes something over HTTP', () => {
  const fresh = freshDatabases(embeddedServer)
  let made: Fresh
  let store: FolderStore | undefined
  let api: TestApi
  const others: TestApi[] = []

  beforeAll(async () => {
    made = await fresh()
    store = await plantPhotos(made.database, made.modelId)
    api = await startApi(made.database, store)
  })
  beforeEach(() => api.queue.batches.clear())
  afterEach(async () => {
    for (const other of others.splice(0)) await other.close()
  })
  afterAll(async () => {
    await api?.close()
    removeStore(store)
  })

  const another = async (changes: TestChanges = {}) => {
    const other = await startApi(made.database, store!, changes)
    others.push(other)
    return other
  }
  const answer = async <T = Record<string, unknown>>(response: Response | Promise<Response>) => {
    const { status, headers } = await response
    return { status, headers, body: (await (await response).json()) as T }
  }
  const submit = (photos: object[], headers: Record<string, string> = {}, to = api) =>
    answer<{ run: string; enqueued: number; code: string; refused: object[] }>(to.post('/ingest', { photos }, headers))
  const urls = (name: string, count: number) =>
    Array.from({ length: count }, (_, i) => ({ url: `https://images.example/${name}-${i}.jpg` }))
  const ofState = async (run: string) =>
    ((await api.read(`/runs/${run}`)) as unknown as { run: { state: string } }).run.state

  test('DELETE /api/v1/photos/{id} and POST /api/v1/photos/delete remove photos with their copies', async () => {
    const jpeg = (await store!.get(copyKey('dog', { height: 512, quality: 65 })))!
    const plant = async (id: string) => {
      await made.ingest.upsertPhotos([aPhoto(id)])
      const storedKey = copyKey(id, { height: 512, quality: 65 })
      await store!.put(storedKey, jpeg)
      const embedded = [{ photoId: id, embedding: Float32Array.of(0, 0, 0, 1), storedKey }]
      const { modelId } = made
      await made.ingest.recordOutcome({ parentId: 'none', modelId, embedded, failures: [], labelSets: [] })
    }
    for (const id of ['one', 'two', 'three']) await plant(id)
    const path = '/copies/h512-q65/one.jpg'
    expect((await api.get(path)).status).toBe(200)
    expect(await answer(api.get('/photos/one', { method: 'DELETE' }))).toMatchObject({
      status: 200,
      body: { photos: 1, copies: 1 },
    })
    expect((await api.get('/photos/one')).status).toBe(404)
    expect((await api.get(path)).status).toBe(404)
    expect(await answer(api.get('/photos/one', { method: 'DELETE' }))).toMatchObject({
      status: 404,
      body: { code: 'NOT_FOUND' },
    })
    expect(await answer(api.post('/photos/delete', { photos: ['two', 'nobody', 'three', 'two'] }))).toMatchObject({
      status: 200,
      body: { photos: 2, copies: 2, unknown: ['nobody'] },
    })
    for (const photos of [[], ['a b'], Array.from({ length: 1001 }, (_, i) => `p${i}`), 'one'])
      expect((await api.post('/photos/delete', { photos })).status).toBe(400)
  })

  test('POST /api/v1/ingest stores and enqueues photos, and refuses each that cannot be read', async () => {
    const photos = [
      {
        url: 'https://images.example/a b.jpg',
        metadata: { photo_description: 'a dog', exif_iso: 200, photo_featured: true },
      },
      { url: 'https://images.example/own.jpg', id: 'own-id', metadata: { exif_iso: 'many' } },
      { url: 'file:///etc/passwd' },
      { url: 'https://images.example/twice.jpg', id: 'own-id' },
    ]
    const { status, headers, body } = await submit(photos)
    expect([status, headers.get('location')]).toEqual([202, `/api/v1/runs/${body.run}`])
    expect(body).toEqual({
      run: expect.any(String),
      ...{ photos: 2, enqueued: 2, already_queued: 0, already_embedded: 0, previously_failed: 0 },
      refused: [
        { index: 2, code: 'NOT_A_URL', found: '"file:///etc/passwd"' },
        { index: 3, code: 'DUPLICATE_ID', found: '"own-id"' },
      ],
    })
    const [batch] = api.queue.added
    expect(batch).toMatchObject({
      runId: body.run,
      photos: [{ url: 'https://images.example/a%20b.jpg' }, { id: 'own-id' }],
    })
    expect(await api.read(`/photos/${batch!.photos[0]!.id}`)).toMatchObject({
      photo: { photo_description: 'a dog', exif_iso: 200, photo_featured: true },
    })
    expect(await api.read('/photos/own-id')).toMatchObject({ photo: { exif_iso: null } })
    expect(await ofState(body.run)).toBe('waiting for workers')
    for (const wrong of [
      [],
      [{}],
      [{ url: 'https://a.example', id: '../a' }],
      [{ url: 'x', metadata: { photo_id: 'a' } }],
    ])
      expect((await submit(wrong)).status).toBe(400)
  })

  test('a repeated submission gets the same run, and another body under its key is refused', async () => {
    const key = { 'idempotency-key': 'order-1' }
    const first = await submit(urls('order', 3), key)
    const batches = api.queue.added.length
    const again = await Promise.all([submit(urls('order', 3), key), submit(urls('order', 3), key)])
    for (const { status, body } of again) expect([status, body]).toEqual([202, first.body])
    expect(api.queue.added.length).toBe(batches)
    const conflict = await submit(urls('order', 2), key)
    expect([conflict.status, conflict.body.code]).toEqual([422, 'IDEMPOTENCY_CONFLICT'])
    const digested = await submit(urls('digest', 2))
    expect((await submit(urls('digest', 2))).body.run).toBe(digested.body.run)
    expect((await submit(urls('order', 3), { 'idempotency-key': 'order-2' })).body.run).not.toBe(first.body.run)
    expect((await submit(urls('order', 3), { 'idempotency-key': 'two words' })).status).toBe(400)
  })

  test('at the same time, one submission is done once', async () => {
    const all = await Promise.all(Array.from({ length: 5 }, () => submit(urls('together', 4))))
    expect(new Set(all.map(({ body }) => body.run)).size).toBe(1)
  })

  test('a submission that a full queue refuses goes on where it stopped', async () => {
    const full = await another()
    full.queue.batches.set('other', { batch: {} as never, state: 'waiting' })
    for (let i = 0; i < 8; i++) full.queue.batches.set(`other-${i}`, { batch: {} as never, state: 'waiting' })
    const refused = await submit(urls('full', 3), {}, full)
    expect([refused.status, refused.body.code, refused.headers.get('retry-after')]).toEqual([503, 'QUEUE_FULL', '5'])
    full.queue.batches.clear()
    const { status, body } = await submit(urls('full', 3), {}, full)
    expect([status, body.enqueued]).toEqual([202, 3])
    const runs = (await api.read('/runs')) as unknown as { runs: { id: string; photos: number }[] }
    expect(runs.runs.find(({ id }) => id === body.run)).toMatchObject({ photos: 3 })
  })

  test('POST /api/v1/runs/{id}/pause, POST /api/v1/runs/{id}/resume and POST /api/v1/runs/{id}/cancel control a run', async () => {
    const { body } = await submit(urls('controlled', 3))
    const act = (what: string) =>
      answer<{ before: string; run: { state: string }; code: string }>(
        api.post(`/runs/${body.run}/${what}`, undefined as never, { 'x-requested-with': 'test' }),
      )
    expect((await act('pause')).body).toMatchObject({ before: 'active', run: { state: 'paused' } })
    expect((await act('pause')).body).toMatchObject({ before: 'paused', run: { state: 'paused' } })
    expect((await act('resume')).body).toMatchObject({ before: 'paused', run: { state: 'waiting for workers' } })
    const mine = () => api.queue.added.filter(({ runId }) => runId === body.run).length
    expect(mine()).toBe(2)
    expect((await act('cancel')).body).toMatchObject({ before: 'active', run: { state: 'cancelled' } })
    expect(mine()).toBe(0)
    expect((await act('cancel')).body).toMatchObject({ before: 'cancelled' })
    for (const what of ['pause', 'resume']) {
      const { status, body: problem } = await act(what)
      expect([status, problem.code]).toEqual([409, 'RUN_CANCELLED'])
    }
    const nobody = await answer(api.post('/runs/nobody/pause', {}))
    expect([nobody.status, nobody.body.code]).toEqual([404, 'RUN_NOT_FOUND'])
  })

  test('GET /api/v1/runs/{id}/failures lists the failed photos of a run, POST /api/v1/runs/{id}/retry tries them again, both by code', async () => {
    const { body } = await submit(urls('failing', 4))
    const batches = api.queue.added.filter(({ runId }) => runId === body.run)
    const fail = (batch: number, code: 'TIMEOUT' | 'HTTP_404') =>
      made.ingest.recordOutcome({
        ...{ parentId: batches[batch]!.parentId, modelId: made.modelId, embedded: [], labelSets: [] },
        failures: batches[batch]!.photos.map(({ id }) => ({ photoId: id, code, message: 'no', attempts: 1 })),
      })
    await fail(0, 'TIMEOUT')
    await fail(1, 'HTTP_404')
    await made.ingest.upsertPhotos([aPhoto('elsewhere')])
    const failures = [{ photoId: 'elsewhere', code: 'TIMEOUT' as const, message: 'no', attempts: 1 }]
    await made.ingest.recordOutcome({ parentId: 'none', modelId: made.modelId, embedded: [], labelSets: [], failures })
    const failed = async (query: string) =>
      (await api.read(`/runs/${body.run}/failures${query}`)) as unknown as {
        failures: { photo_id: string; code: string }[]
        next: string | null
      }
    const ids = batches.flatMap(({ photos }) => photos.map(({ id }) => id)).sort()
    const first = await failed('?limit=3')
    const last = await failed(`?limit=3&cursor=${first.next}`)
    expect([...first.failures, ...last.failures].map(one => one.photo_id)).toEqual(ids)
    expect([last.next, last.failures]).toEqual([
      null,
      [expect.objectContaining({ url: expect.stringContaining('failing'), message: 'no', attempts: 1 })],
    ])
    expect((await failed('?code=HTTP_404')).failures.map(({ code }) => code)).toEqual(['HTTP_404', 'HTTP_404'])
    for (const [query, status] of [
      ['?code=NO_SUCH', 400],
      ['?cursor=Li4', 422],
      ['?limit=0', 400],
    ] as const)
      expect((await api.get(`/runs/${body.run}/failures${query}`)).status, query).toBe(status)
    expect((await api.get('/runs/nobody/failures')).status).toBe(404)

    const retry = (content: object) => answer<{ run: string }>(api.post(`/runs/${body.run}/retry`, content))
    const idsOf = (run: string) =>
      until('the batches of the retry', () => {
        const ids = api.queue.added.filter(({ runId }) => runId === run).flatMap(({ photos }) => photos.map(p => p.id))
        return ids.length > 0 && ids.sort()
      })
    const timeouts = await retry({ code: 'TIMEOUT' })
    expect([timeouts.status, timeouts.headers.get('location')]).toEqual([202, `/api/v1/runs/${timeouts.body.run}`])
    expect(await idsOf(timeouts.body.run)).toEqual(batches[0]!.photos.map(({ id }) => id).sort())
    const rest = await retry({})
    expect(await idsOf(rest.body.run)).toEqual(batches[1]!.photos.map(({ id }) => id).sort())
    expect((await retry({ code: 'NO_SUCH' })).status).toBe(400)
  })

  test('GET /api/v1/runs/{id}/events tells the progress of a run until its end', async () => {
    const { body } = await submit(urls('followed', 2))
    const [batch] = api.queue.added.filter(({ runId }) => runId === body.run)
    const stream = await api.get(`/runs/${body.run}/events`)
    expect([stream.status, stream.headers.get('content-type')]).toEqual([200, 'text/event-stream'])
    let text = ''
    const read = (async () => {
      for await (const chunk of stream.body!.pipeThrough(new TextDecoderStream())) text += chunk
    })()
    await until('the first event', () => text.includes('"left":2'))
    await made.ingest.recordOutcome({
      ...{ parentId: batch!.parentId, modelId: made.modelId, failures: [], labelSets: [] },
      embedded: batch!.photos.map(({ id }) => ({
        photoId: id,
        embedding: Float32Array.of(0, 0, 0, 1),
        storedKey: null,
      })),
    })
    await read
    const events = text.split('\n\n').filter(event => event.startsWith('event: run'))
    expect(events.length).toBeGreaterThan(1)
    expect(JSON.parse(events.at(-1)!.split('\ndata: ')[1]!)).toMatchObject({ id: body.run, state: 'done', done: 2 })
    expect(text).toMatch(/event: end\ndata: \{\}\n\n$/)
    expect((await api.get('/runs/nobody/events')).status).toBe(404)
    expect((await api.get(`/runs/${body.run}/events`, { method: 'HEAD' })).status).toBe(200)
  })

  test('few clients may follow runs at once; a place is free again when one leaves, and all end with the server', async () => {
    const server = await startApi(made.database, store!)
    const { body } = await submit(urls('crowded', 1), {}, server)
    const open = () => server.get(`/runs/${body.run}/events`)
    const streams = await Promise.all(Array.from({ length: 20 }, open))
    expect(streams.map(({ status }) => status)).toEqual(streams.map(() => 200))
    for (const { body: one } of streams) await until('bytes', async () => one)
    await until('the refusal', async () => {
      const response = await open()
      await response.body!.cancel()
      return response.status === 503
    })
    await streams[0]!.body!.cancel()
    await until('a place', async () => {
      const response = await open()
      await response.body!.cancel()
      return response.status === 200
    })
    const ended = Promise.all(streams.slice(1).map(stream => stream.text().catch(() => '')))
    await server.close()
    await ended
  })

  test('malformed writes get a problem, and never fail the server', async () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 20 }),
      fc.constantFrom('https://a.example/1.jpg', 'a', '\0', '\ud800'),
    )
    const value = fc.oneof(text, fc.jsonValue(), fc.constantFrom(1e308, -1e308, 2 ** 53, true, null))
    const column = fc.constantFrom(
      'photo_description',
      'exif_iso',
      'photo_submitted_at',
      'photo_featured',
      'stats_views',
      'photo_location_latitude',
      'photo_url',
      'blur_hash',
      '__proto__',
    )
    const photo = fc.record(
      { url: text, id: text, metadata: fc.dictionary(column, value, { maxKeys: 3 }) },
      { requiredKeys: [] },
    )
    const sane = fc.record({ url: fc.webUrl(), metadata: fc.dictionary(column, value, { maxKeys: 3 }) })
    const ingest = fc.record(
      { photos: fc.array(fc.oneof(photo, sane), { maxLength: 3 }), priority: value, model: value },
      { requiredKeys: ['photos'] },
    )
    const asked = fc.oneof(
      fc.array(sane, { minLength: 1, maxLength: 3 }).map(photos => ['/ingest', { photos }] as const),
      ingest.map(body => ['/ingest', body] as const),
      value.map(photos => ['/photos/delete', { photos }] as const),
      fc
        .tuple(fc.constantFrom('pause', 'resume', 'cancel', 'retry'), fc.webSegment(), value)
        .map(([what, id, body]) => [`/runs/${id || 'a'}/${what}`, body] as const),
    )
    await fc.assert(
      fc.asyncProperty(asked, async ([path, body]) => {
        api.queue.batches.clear()
        const response = await api.post(path, body)
        expect(response.status, `${path} ${await response.clone().text()}`).toBeLessThan(500)
        await response.arrayBuffer()
      }),
      { numRuns: 100 },
    )
  })

  test('each write needs its scope, and a form of another page can send none', async () => {
    const keys = new PostgresKeyRepository(made.database)
    const keyed = await another({ options: { anonymous: 'read' } })
    const statuses = async (scope: Scope | null) => {
      const { id, key, digest } = newApiKey()
      if (scope) await keys.create({ id, name: id, scope, digest, expiresAt: null })
      const headers: Record<string, string> = scope ? { ...JSON_TYPE, 'x-api-key': key } : JSON_TYPE
      const status = async (method: string, path: string, body?: string) => {
        const response = await keyed.get(path, { method, headers, body })
        await response.body?.cancel()
        return response.status
      }
      return [
        await status('DELETE', '/photos/nobody'),
        await status('POST', '/photos/delete', '{"photos": ["nobody"]}'),
        ...(await Promise.all(['pause', 'resume', 'cancel'].map(what => status('POST', `/runs/nobody/${what}`)))),
        await status('POST', '/runs/nobody/retry', '{}'),
        await status('POST', '/ingest', '{}'),
      ]
    }
    expect(await statuses(null)).toEqual([401, 401, 401, 401, 401, 401, 401])
    expect(await statuses('read')).toEqual([403, 403, 403, 403, 403, 403, 403])
    expect(await statuses('ingest')).toEqual([403, 403, 403, 403, 403, 404, 400])
    expect(await statuses('admin')).toEqual([404, 200, 404, 404, 404, 404, 400])
    const { hostname, port } = new URL(api.server.url)
    const form = (headers: Record<string, string>) =>
      new Promise<number>((resolve, reject) => {
        const path = '/api/v1/runs/nobody/cancel'
        request({ host: hostname, port, path, method: 'POST', headers }, ({ statusCode }) => resolve(statusCode!))
          .on('error', reject)
          .end()
      })
    expect(await form({})).toBe(415)
    for (const type of ['application/x-www-form-urlencoded', 'multipart/form-data', 'text/plain'])
      expect(await form({ 'content-type': type }), type).toBe(415)
    expect(await form({ ...JSON_TYPE, origin: 'https://evil.example' })).toBe(403)
    expect(await form({ 'x-requested-with': 'page', 'sec-fetch-site': 'cross-site' })).toBe(403)
    expect(await form(JSON_TYPE)).toBe(404)
  })
})
