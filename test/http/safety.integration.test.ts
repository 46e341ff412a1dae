import { request } from 'node:http'
import { connect } from 'node:net'
import fc from 'fast-check'
import sharp from 'sharp'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { PostgresIngestRepository } from '../../src/db/ingest/ingest-repository.js'
import { HostPausedError, PhotoError } from '../../src/domain/errors.js'
import { MEBIBYTE } from '../../src/domain/units.js'
import { PhotoSearch } from '../../src/search/photo-search.js'
import type { QueryImage } from '../../src/search/query-image.js'
import type { FolderStore } from '../../src/storage/folder-store.js'
import { aPhoto } from '../db/factories.js'
import { type Fresh, freshDatabases } from '../db/fresh-databases.js'
import { deferred } from '../support/deferred.js'
import { startHttp, type TestServer } from '../support/servers/http-server.js'
import { embeddedServer } from '../support/servers/postgres.js'
import { until } from '../support/until.js'
import { plantPhotos, removeStore, startApi, type TestApi, type TestChanges } from './support.js'

const PICTURE_URL = 'https://images.example/a.jpg'

describe('limits and checks of the HTTP API', () => {
  const fresh = freshDatabases(embeddedServer)
  let made: Fresh
  let store: FolderStore | undefined
  let api: TestApi
  let image: Buffer
  let images: TestServer
  let asked = 0
  const others: TestApi[] = []

  beforeAll(async () => {
    made = await fresh()
    store = await plantPhotos(made.database, made.modelId)
    api = await startApi(made.database, store)
    image = await sharp({ create: { width: 4, height: 4, channels: 3, background: 'red' } })
      .png()
      .toBuffer()
    images = await startHttp((_, response) => {
      asked++
      response.end(image)
    })
  })
  afterEach(async () => {
    for (const other of others.splice(0)) await other.close()
  })
  afterAll(async () => {
    await api?.close()
    await images?.close()
    removeStore(store)
  })

  const another = async (changes: TestChanges) => {
    const other = await startApi(made.database, store!, changes)
    others.push(other)
    return other
  }
  /** A request with headers that fetch does not send. */
  const raw = ({ server }: TestApi, path: string, headers: Record<string, string>, method = 'GET') =>
    new Promise<{ status: number; headers: Record<string, unknown>; body: string }>((resolve, reject) => {
      const { hostname, port } = new URL(server.url)
      request({ host: hostname, port, path, headers, method }, response => {
        let body = ''
        response.setEncoding('utf8').on('data', (text: string) => {
          body += text
        })
        response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body }))
      })
        .on('error', reject)
        .end()
    })

  test('a failure says what was expected and found, under an id that the log has too', async () => {
    const response = await api.get('/search?q=snow&k=many')
    expect(response.status).toBe(400)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    const problem = await response.json()
    expect(problem).toMatchObject({
      type: expect.stringMatching(/^https:.*errors\.md#REQUEST_INVALID$/),
      code: 'REQUEST_INVALID',
      status: 400,
      field: 'query.k',
      found: '"many"',
      expected: expect.stringContaining('number'),
      request_id: response.headers.get('x-request-id'),
    })
    await until('the line of the log', () =>
      api.log.some(line => line.includes((problem as { request_id: string }).request_id)),
    )
  })

  test.each([
    ['an unknown parameter', '/search?q=snow&lable=x', 400, 'REQUEST_INVALID'],
    ['no query', '/search', 422, 'REQUEST_UNPROCESSABLE'],
    ['a wrong condition', '/search?q=snow&where=exif_iso%3E%3Dabc', 422, 'FILTER_INVALID'],
    ['a wrong label', '/search?q=snow&label=night', 400, 'REQUEST_INVALID'],
    ['a wrong score of a label', '/search?q=snow&label=time=', 422, 'USAGE'],
    ['an address that is too long', `/search?q=${'x'.repeat(20_000)}`, 431, 'HEADERS_TOO_LARGE'],
    ['a cursor of nothing', '/search?q=snow&cursor=abc', 422, 'REQUEST_UNPROCESSABLE'],
    ['an unknown model', '/search?q=snow&model=nowhere', 404, 'MODEL_UNKNOWN'],
    ['an unknown path', '/nothing', 404, 'ROUTE_NOT_FOUND'],
    ['text that is no JSON', '/embed', 405, 'METHOD_NOT_ALLOWED'],
  ])('refuses %s', async (_, path, status, code) => {
    const response = await api.get(path)
    expect([response.status, await response.json()]).toEqual([status, expect.objectContaining({ code })])
  })

  test('names parameters, not options of the command line', async () => {
    const { detail } = (await (await api.get('/search?q=snow&where=nothing%3D1')).json()) as { detail: string }
    expect(detail).toMatch(/^where: there is no column "nothing"/)
  })

  test('answers to every method that a path does not have with those that it has', async () => {
    for (const method of ['PUT', 'PATCH', 'QUERY', 'TRACE', 'OPTIONS', 'POST']) {
      const { status, headers } = await raw(api, '/api/v1/models', { host: 'localhost' }, method)
      expect([status, headers.allow], method).toEqual([405, 'GET, HEAD'])
    }
  })

  test('refuses bodies that are too large, of another type, or broken', async () => {
    const sent = async (body: unknown, type = 'application/json') => {
      const response = await api.post('/search', body, { 'content-type': type })
      return [response.status, ((await response.json()) as { code: string }).code]
    }
    expect(await sent({ words: 'x'.repeat(1_000_001) })).toEqual([413, 'BODY_TOO_LARGE'])
    for (const type of ['application/xml', 'text/plain', 'image/png', 'application/octet-stream'])
      expect(await sent(Buffer.from('<a/>'), type), type).toEqual([415, 'BODY_TYPE_UNKNOWN'])
    expect((await api.post('/search/picture', { a: 1 })).status).toBe(415)
    expect((await api.post('/search', { words: 'a' }, { 'content-encoding': 'gzip' })).status).toBe(415)
    expect((await api.post('/nothing', Buffer.from('a'), { 'content-type': 'image/png' })).status).toBe(404)
    const nested = '['.repeat(100_000) + ']'.repeat(100_000)
    expect(await sent(Buffer.from(`{"words": ${nested}}`))).toEqual([400, 'REQUEST_INVALID'])
    expect(await sent(Buffer.from('{"words":'))).toEqual([400, 'REQUEST_INVALID'])
    expect(await sent(Buffer.from('{"__proto__": {"words": "a"}}'))).toEqual([400, 'REQUEST_INVALID'])
    expect(await sent({ words: 'a', vector: [1, 2, 3, 4] })).toEqual([422, 'REQUEST_UNPROCESSABLE'])
    expect(await sent({ vector: [1, 2] })).toEqual([422, 'USAGE'])
    expect(await sent({ vector: [0, 0, 0, 0] })).toEqual([422, 'USAGE'])
    expect(await sent({ vector: [1e300, 0, 0, 0] })).toEqual([400, 'REQUEST_INVALID'])
    expect(await sent({ parts: [{ words: 'a', weight: 0 }] })).toEqual([400, 'REQUEST_INVALID'])
  })

  test('says little of a body with thousands of unknown members', async () => {
    const body = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`member${i}`, 0]))
    const answer = await (await api.post('/search', body)).text()
    expect(answer.length).toBeLessThan(2000)
    expect(JSON.parse(answer)).toMatchObject({ code: 'REQUEST_INVALID', field: 'body.member0' })
  })

  test('looks at a list up to its first wrong element, and at none that is too long', async () => {
    const wrong = async (body: object) => (await (await api.post('/search', body)).json()) as object
    expect(await wrong({ vector: [0, 1, ...Array(9000).fill('x')] })).toMatchObject({
      ...{ code: 'REQUEST_INVALID', field: 'body.vector.2', found: '"x"', expected: expect.stringContaining('number') },
    })
    expect(await wrong({ vector: Array(16_001).fill('x') })).toMatchObject({
      ...{ field: 'body.vector', expected: 'at most 16000 elements', found: 'a list of 16001' },
    })
    const filters = Array.from({ length: 20 }, () => ({ photos: Array(1000).fill('a b') }))
    expect(await wrong({ words: 'snow', filters })).toMatchObject({ field: 'body.filters.0.photos.0' })
    expect(await wrong({ parts: [{ words: 'a' }, { vector: Array(5000).fill(null) }] })).toMatchObject({
      ...{ field: 'body.parts.1.vector.0', found: 'null' },
    })
  })

  test('takes 16 MiB of JSON where it may hold pictures or vectors, 1 MiB elsewhere, and more of a picture', async () => {
    const large = await another({ limits: { maxBodyBytes: 20 * MEBIBYTE, maxBodiesBytes: 80 * MEBIBYTE } })
    const codeOf = async (path: string, body: unknown, headers = {}) =>
      ((await (await large.post(path, body, headers)).json()) as { code: string }).code
    expect(await codeOf('/photos/delete', { photos: ['x'.repeat(MEBIBYTE)] })).toBe('BODY_TOO_LARGE')
    expect(await codeOf('/facets', { words: 'x'.repeat(MEBIBYTE) })).toBe('REQUEST_INVALID')
    expect(await codeOf('/search', { words: 'x'.repeat(16 * MEBIBYTE) })).toBe('BODY_TOO_LARGE')
    const picture = Buffer.alloc(17 * MEBIBYTE)
    expect(await codeOf('/embed/picture', picture, { 'content-type': 'image/png' })).toBe('INPUT_INVALID')
  })

  test('answers a mistyped address with the page to a browser, and with a problem to a program', async () => {
    const browser = { host: 'localhost', accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }
    const typeOf = async (path: string, headers: Record<string, string>, method = 'GET') => {
      const { status, headers: found } = await raw(api, path, headers, method)
      return [status, String(found['content-type']).split(';')[0]]
    }
    const [page, problem] = [
      [404, 'text/html'],
      [404, 'application/problem+json'],
    ]
    for (const path of ['/serach?q=snow', '/photos/a/b', '/apis', '/%ff', '/photos/%E0%A4%A?q=%']) {
      expect(await typeOf(path, browser), path).toEqual(page)
      expect((await typeOf(path, { host: 'localhost', accept: '*/*' }))[1], path).toBe('application/problem+json')
    }
    expect(await typeOf('/serach', browser, 'HEAD')).toEqual(page)
    const link = { ...browser, 'sec-fetch-site': 'cross-site', 'sec-fetch-dest': 'document' }
    expect(await typeOf('/serach', link)).toEqual(page)
    expect((await raw(api, '/%ff', browser)).headers['content-security-policy']).toContain("default-src 'none'")
    expect(await typeOf('/api/v1/photos/%ff', browser)).toEqual([400, 'application/problem+json'])
    for (const path of ['/api/v1/serach', '/assets/none.js', '/queues/none/x'])
      expect(await typeOf(path, browser), path).toEqual(problem)
    expect((await typeOf('/serach', browser, 'POST'))[1]).toBe('application/problem+json')
    expect((await raw(api, '/serach', browser)).headers['cache-control']).toBe('no-store')
  })

  test('refuses conditions that are each allowed and too much together', async () => {
    const large = await another({ limits: { maxBodyBytes: 4 * MEBIBYTE, maxBodiesBytes: 8 * MEBIBYTE } })
    const ask = async (filters: object[]) => {
      const response = await large.post('/search', { words: 'snow', filters })
      return [response.status, await response.json()]
    }
    const ids = (count: number) => Array.from({ length: count }, (_, i) => `photo-${i}`.padEnd(64, 'x'))
    expect(await ask([{ photos: ids(10_000) }, { not_photos: ids(10_000) }])).toMatchObject([200, { hits: [] }])
    expect(await ask([{ photos: ids(10_000) }, { not_photos: ids(9_999) }, { photos: ids(2) }])).toMatchObject([
      422,
      { code: 'REQUEST_UNPROCESSABLE', field: 'body.filters', expected: expect.stringContaining('20000 values') },
    ])
    const value = Array<string>(1000).fill('x'.repeat(1000))
    const long = Array.from({ length: 3 }, () => ({ column: 'photo_description', operator: 'in', value }))
    expect(await ask(long.slice(1))).toMatchObject([200, { hits: [] }])
    expect(await ask(long)).toMatchObject([422, { expected: expect.stringContaining('2000000 characters') }])
    const response = await large.post('/facets', { filters: Array(3).fill({ photos: ids(10_000) }) })
    expect(response.status).toBe(422)
    for (const odd of [null, 1, [], [null], [1], [{ value: 1 }]])
      expect((await api.post('/search', { words: 'snow', filters: odd })).status).toBeLessThan(500)
  })

  test('answers to paths that are no text, or too long, with a problem', async () => {
    for (const path of ['/photos/%ff', `/photos/${'x'.repeat(300)}`]) {
      const response = await api.get(path)
      expect([response.status, await response.json()]).toEqual([
        400,
        expect.objectContaining({ code: 'REQUEST_INVALID' }),
      ])
    }
  })

  test('refuses pictures whose addresses are named in one request and that are too large together', async () => {
    const large = await another({
      parts: { fetchPicture: async name => ({ name, bytes: Buffer.alloc(33 * MEBIBYTE) }) },
    })
    const parts = [{ picture_url: PICTURE_URL }, { picture_url: PICTURE_URL }]
    const response = await large.post('/search', { parts })
    expect([response.status, await response.json()]).toEqual([
      422,
      expect.objectContaining({ code: 'INPUT_INVALID', detail: expect.stringContaining('67108864 bytes together') }),
    ])
  })

  test('a stream takes no place of other requests, and HEAD reads none', async () => {
    const search = new PhotoSearch({ ...api.tiny.parts, storesWords: false })
    let read = 0
    const photo = aPhoto('endless')
    search.labelledPhotos = async function* () {
      for (;;) {
        read++
        yield Array.from({ length: 20 }, () => ({ photo, label: 'snow', score: 1 }))
        await new Promise(resolve => setImmediate(resolve))
      }
    }
    const one = await another({ limits: { concurrency: 1, waiting: 0 }, parts: { search } })
    expect((await one.get('/label-sets/time/photos', { method: 'HEAD' })).status).toBe(200)
    expect((await one.get('/models')).status).toBe(200)
    expect(read).toBe(0)
    const opened = []
    for (let i = 0; i < 4; i++) opened.push(await one.get('/label-sets/time/photos'))
    expect((await one.get('/models')).status).toBe(200)
    const refused = await one.get('/label-sets/time/photos')
    expect([refused.status, await refused.json()]).toEqual([503, expect.objectContaining({ code: 'OVERLOADED' })])
    for (const { body } of opened) await body!.cancel()
    await until('a place for a stream', async () => {
      const { status, body } = await one.get('/label-sets/time/photos')
      await body!.cancel()
      return status === 200
    })
  })

  test('refuses pictures with too many pixels', async () => {
    const large = await sharp({ create: { width: 2000, height: 1000, channels: 3, background: 'red' } })
      .png()
      .toBuffer()
    const response = await api.post('/search/picture', large, { 'content-type': 'image/png' })
    expect([response.status, await response.json()]).toEqual([
      422,
      expect.objectContaining({ code: 'INPUT_INVALID', detail: expect.stringContaining('TOO_MANY_PIXELS') }),
    ])
  })

  test('refuses what comes while as many requests as possible wait, and serves again afterwards', async () => {
    const picture = deferred<QueryImage>()
    const busy = await another({
      limits: { concurrency: 1, waiting: 1 },
      parts: { fetchPicture: () => picture.promise },
    })
    const ask = () => busy.post('/search', { picture_url: PICTURE_URL, k: 1 })
    const answers = Promise.all([ask(), ask(), ask(), ask()])
    const health = until('the service endpoints', async () => (await busy.get(`${busy.server.url}/healthz`)).ok)
    const refused = await Promise.any(
      [ask(), ask()].map(async asked => {
        const response = await asked
        if (response.status !== 503) throw new Error(`status ${response.status}`)
        return response
      }),
    )
    expect(refused.headers.get('retry-after')).toBe('1')
    expect(await refused.json()).toMatchObject({ code: 'OVERLOADED' })
    await health
    picture.resolve({ name: 'a', bytes: image })
    const statuses = (await answers).map(({ status }) => status)
    expect(statuses).toContain(200)
    expect((await busy.get('/search?q=snow')).status).toBe(200)
  })

  test('refuses a body beside others that fill the memory for them', async () => {
    const small = await another({ limits: { maxBodiesBytes: 100 } })
    const response = await small.post('/search', { words: 'x'.repeat(200) })
    expect([response.status, await response.json()]).toEqual([503, expect.objectContaining({ code: 'OVERLOADED' })])
    expect((await small.post('/search', { words: 'snow' })).status).toBe(200)
  })

  test('a body that was announced and does not come takes no memory of others, and is cut off', async () => {
    const small = await another({ limits: { maxBodiesBytes: 500, timeoutMs: 2000 } })
    const { hostname, port } = new URL(small.server.url)
    const slow = Array.from({ length: 5 }, () => {
      const socket = connect(Number(port), hostname)
      socket.write('POST /api/v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n')
      socket.write('Content-Length: 400\r\n\r\n{')
      let answer = ''
      socket.setEncoding('utf8').on('data', text => {
        answer += text
      })
      return new Promise<string>(resolve => socket.once('close', () => resolve(answer)))
    })
    expect((await small.post('/search', { words: 'snow' })).status).toBe(200)
    expect((await small.post('/search', { words: 'x'.repeat(600) })).status).toBe(503)
    expect((await small.post('/search', { words: 'snow' })).status).toBe(200)
    for (const answer of await Promise.all(slow))
      expect(answer).toMatch(/^HTTP\/1\.1 503 .*connection: close.*"code":"REQUEST_TIMEOUT"/is)
  })

  test('a picture that does not come in time ends its request with 504, and a host that wants pauses with 503', async () => {
    const late = await another({
      limits: { pictureTimeoutMs: 50 },
      parts: {
        fetchPicture: (_, signal) =>
          new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
      },
    })
    const timedOut = await late.post('/search', { picture_url: PICTURE_URL })
    expect([timedOut.status, await timedOut.json()]).toEqual([
      504,
      expect.objectContaining({ code: 'PICTURE_TIMEOUT' }),
    ])
    const failure = new PhotoError('HOST_PAUSED', 'not asked')
    const paused = await another({
      parts: { fetchPicture: () => Promise.reject(new HostPausedError('images.example', 90_000, 0, failure)) },
    })
    const refused = await paused.post('/search', { picture_url: PICTURE_URL })
    expect([refused.status, refused.headers.get('retry-after'), await refused.json()]).toEqual([
      ...[503, '90'],
      expect.objectContaining({ code: 'HOST_PAUSED' }),
    ])
  })

  test('ends a request whose time is over', async () => {
    const slow = await another({ limits: { timeoutMs: 50 }, parts: { fetchPicture: () => new Promise(() => {}) } })
    const response = await slow.post('/search', { picture_url: PICTURE_URL })
    expect(response.status).toBe(503)
    expect(await response.json()).toMatchObject({ code: 'REQUEST_TIMEOUT', action: expect.any(String) })
  })

  test('limits the requests of an address, but not those of orchestrators', async () => {
    const few = await another({ limits: { requestsPerMinute: 2 } })
    for (const status of [200, 200]) expect((await few.get('/models')).status).toBe(status)
    const refused = await few.get('/search?q=snow')
    expect([refused.status, await refused.json()]).toEqual([429, expect.objectContaining({ code: 'RATE_LIMITED' })])
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect((await few.get(`${few.server.url}/readyz`)).status).toBe(200)
  })

  test('answers only to its own names: a page cannot rebind its name to this server', async () => {
    const named = await another({ options: { names: ['photos.example'] } })
    const path = '/api/v1/search?q=snow'
    for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example:80', 'a b'])
      expect(await raw(named, path, { host }), host).toMatchObject({
        status: 421,
        body: expect.not.stringContaining('hits'),
      })
    const { body } = await raw(named, path, { host: 'evil.example' })
    expect(JSON.parse(body)).toMatchObject({ code: 'HOST_REFUSED', found: 'evil.example' })
    for (const host of [
      'localhost:1234',
      '127.0.0.1',
      '[::1]:80',
      '192.168.1.5',
      'photos.example',
      'PHOTOS.example:443',
    ])
      expect((await raw(named, path, { host })).status, host).toBe(200)
  })

  test('refuses requests that pages of other origins make', async () => {
    const host = '127.0.0.1:1234'
    const path = '/api/v1/search?q=snow'
    const foreign: Record<string, string>[] = [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
    ]
    for (const headers of foreign)
      expect(JSON.parse((await raw(api, path, { host, ...headers })).body)).toMatchObject({
        code: 'ORIGIN_REFUSED',
      })
    expect((await raw(api, path, { host, origin: `http://${host}`, 'sec-fetch-site': 'same-origin' })).status).toBe(200)
  })

  test('sends headers that keep browsers from running or framing what it sends', async () => {
    const { headers } = await api.get('/search?q=snow')
    expect(headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(headers.get('content-security-policy')).not.toContain('unsafe')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('cross-origin-resource-policy')).toBe('same-origin')
    expect(headers.get('access-control-allow-origin')).toBeNull()
    expect(headers.get('cache-control')).toBe('private, no-cache')
  })

  test('fetches no picture from private addresses, and no file', async () => {
    const fetched = async (url: string, of = api) => {
      const response = await of.post('/search', { picture_url: url, k: 1 })
      return { status: response.status, ...((await response.json()) as object) }
    }
    for (const url of [
      `${images.origin}/a.png`,
      'http://169.254.169.254/latest/meta-data/',
      'http://[::1]/',
      'http://0/',
    ])
      expect(await fetched(url), url).toMatchObject({ status: 422, detail: expect.stringContaining('HOST_FORBIDDEN') })
    expect(asked).toBe(0)
    expect(await fetched('file:///etc/passwd')).toMatchObject({ status: 400, code: 'REQUEST_INVALID' })
    const trusting = await another({ allowHosts: [images.host] })
    expect(await fetched(`${images.origin}/a.png`, trusting)).toMatchObject({ status: 200 })
    expect(asked).toBe(1)
  })

  test('hides paths of files, runs and workers from clients of other machines', async () => {
    const photo = aPhoto('own-photo', { photo_image_url: 'file:///home/me/secret/a.jpg' })
    await new PostgresIngestRepository(made.database).upsertPhotos([photo])
    const open = await another({ options: { anonymous: 'read' } })
    for (const path of ['/runs', '/runs/run-1', '/workers', '/queue']) expect((await open.get(path)).status).toBe(401)
    expect(await open.read('/photos/own-photo')).toMatchObject({ photo: { photo_image_url: null } })
    expect(await api.read('/photos/own-photo')).toMatchObject({ photo: { photo_image_url: photo.photo_image_url } })
    const failure = {
      photoId: photo.photo_id,
      code: 'FILE_NOT_FOUND' as const,
      message: '/home/me/secret/a.jpg: EACCES',
    }
    const outcome = { parentId: 'none', modelId: made.modelId, embedded: [], labelSets: [] }
    await new PostgresIngestRepository(made.database).recordOutcome({
      ...outcome,
      failures: [{ ...failure, attempts: 1 }],
    })
    expect(JSON.stringify(await open.read('/photos/own-photo'))).not.toContain('secret')
    expect(JSON.stringify(await api.read('/photos/own-photo'))).toContain('secret')
    const filters = [{ column: 'photo_image_url', operator: '~', value: 'secret' }]
    const where = 'where=photo_image_url~secret'
    for (const [of, status] of [[open, 422] as const, [api, 200] as const])
      expect([
        (await of.get(`/search?q=snow&${where}`)).status,
        (await of.get(`/facets?by=country&${where}`)).status,
        (await of.post('/search', { words: 'snow', filters })).status,
      ]).toEqual([status, status, status])
  })

  test('GET /healthz, GET /readyz and GET /metrics tell how the server is', async () => {
    const bad = await another({ parts: { ready: async () => ({ ok: false, problems: { database: 'gone' } }) } })
    const ready = await bad.get(`${bad.server.url}/readyz`)
    expect([ready.status, await ready.json()]).toEqual([503, { ok: false, problems: { database: 'gone' } }])
    expect((await bad.get(`${bad.server.url}/healthz`)).status).toBe(200)
    await api.get('/search?q=snow')
    const counted = /unsplash_clip_http_requests_total\{method="GET",route="\/api\/v1\/search",status="200"\} \d/
    await until('the count', async () => counted.test(await (await api.get(`${api.server.url}/metrics`)).text()))
  })

  test('finishes the request in work when it stops', async () => {
    const picture = deferred<QueryImage>()
    const begun = deferred()
    const stopping = await startApi(made.database, store!, {
      parts: {
        fetchPicture: () => {
          begun.resolve()
          return picture.promise
        },
      },
    })
    const answer = stopping.post('/search', { picture_url: PICTURE_URL, k: 1 })
    await begun.promise
    const closed = stopping.close()
    picture.resolve({ name: 'a', bytes: image })
    expect((await answer).status).toBe(200)
    await closed
  })

  test('answers every malformed request with a problem, and never fails', async () => {
    const text = fc.string({ unit: 'binary', maxLength: 20 })
    const name = fc.constantFrom(
      'q',
      'photo',
      'like',
      'minus',
      'k',
      'cursor',
      'where',
      'label',
      'near',
      'keyword',
      'hybrid',
      'facets',
      'model',
    )
    const query = fc.array(fc.tuple(name, text) as fc.Arbitrary<[string, string]>, { minLength: 1, maxLength: 3 })
    const body = fc.record(
      {
        words: fc.oneof(text, fc.jsonValue()),
        vector: fc.array(fc.oneof(fc.double(), fc.constant(0)), { maxLength: 5 }),
        filters: fc.array(
          fc.oneof(
            fc.jsonValue(),
            fc.record({
              column: fc.constant('exif_iso'),
              operator: fc.constantFrom('=', '>', 'in', '~'),
              value: fc.oneof(text, fc.double()),
            }),
          ),
        ),
        parts: fc.array(fc.jsonValue(), { maxLength: 2 }),
        k: fc.oneof(fc.integer(), fc.jsonValue()),
      },
      { requiredKeys: [] },
    )
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          query.map(pairs => ({ pairs })),
          body.map(value => ({ value })),
        ),
        async asked => {
          const response =
            'pairs' in asked
              ? await api.get(`/search?${new URLSearchParams(asked.pairs)}`)
              : await api.post('/search', asked.value)
          expect(response.status, await response.clone().text()).toBeLessThan(500)
          await response.arrayBuffer()
        },
      ),
      { numRuns: 150 },
    )
  })
})
