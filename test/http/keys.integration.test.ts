import { describe, expect, test } from 'vitest'
import { newApiKey, type Scope } from '../../src/domain/api-key.js'
import { AppError } from '../../src/domain/errors.js'
import { until } from '../support/until.js'
import { servedKeys } from './served-keys.js'
import type { TestApi } from './support.js'

const SECRET_PART = /^uc_[0-9a-f]{8}_/

describe('keys of the HTTP API', () => {
  const { made, keys, serve, createKey } = servedKeys()
  const status = async (api: TestApi, path: string, headers: Record<string, string> = {}) => {
    const response = await api.get(path, { headers })
    await response.arrayBuffer()
    return response.status
  }
  const problem = async (response: Response) => [response.status, ((await response.json()) as { code: string }).code]

  test('without a key nothing is answered but health and the document', async () => {
    const api = await serve(null)
    const { key } = await createKey('read')
    const refused = await api.get('/search?q=snow')
    expect(refused.headers.get('www-authenticate')).toBe('Bearer realm="unsplash-clip"')
    expect(await problem(refused)).toEqual([401, 'KEY_REQUIRED'])
    for (const path of [
      '/photos/dog',
      '/photos/dog/copy',
      '/copies/h512-q65/dog.jpg',
      '/label-sets',
      '/models',
      '/runs',
    ])
      expect(await status(api, path), path).toBe(401)
    expect(await status(api, `${api.server.url}/metrics`)).toBe(401)
    for (const path of ['/healthz', '/readyz', '/api/v1/openapi.json'])
      expect(await status(api, api.server.url + path), path).toBe(200)
    expect(await status(api, '/search?q=snow', { authorization: `Bearer ${key}` })).toBe(200)
    expect(await status(api, '/search?q=snow', { 'x-api-key': key })).toBe(200)
    expect(await status(api, `${api.server.url}/metrics`, { authorization: `bearer ${key}` })).toBe(200)
    expect(await status(api, '/search?q=snow', { authorization: `Basic ${key}` })).toBe(401)
    expect(await status(api, `/search?q=snow&key=${key}`)).toBe(401)
  })

  test('a scope includes those before it, and no more', async () => {
    const api = await serve(null)
    const may = async (scope: Scope) => {
      const headers = { 'x-api-key': (await createKey(scope)).key }
      return [await status(api, '/search?q=snow', headers), await status(api, '/runs', headers)]
    }
    expect(await may('read')).toEqual([200, 403])
    expect(await may('ingest')).toEqual([200, 200])
    expect(await may('admin')).toEqual([200, 200])
    const { key } = await createKey('read')
    const refused = await api.get('/runs', { headers: { 'x-api-key': key } })
    expect(refused.headers.get('www-authenticate')).toContain('insufficient_scope')
    expect(await refused.json()).toMatchObject({ code: 'SCOPE_MISSING', expected: 'the scope ingest' })
  })

  test('GET /api/v1/caller tells a page what it may do', async () => {
    const { id, key } = await createKey('ingest')
    for (const [anonymous, scope] of [
      [null, null],
      ['read', 'read'],
      ['admin', 'admin'],
    ] as const) {
      const api = await serve(anonymous)
      expect(await api.read('/caller')).toEqual({ scope, key: null })
      const keyed = await api.get('/caller', { headers: { 'x-api-key': key } })
      expect(await keyed.json()).toEqual({ scope: 'ingest', key: id })
      expect(await status(api, '/caller', { 'x-api-key': 'uc_wrong' })).toBe(401)
    }
  })

  test('where everybody may read, more needs a key', async () => {
    const api = await serve('read')
    const { key } = await createKey('ingest')
    expect(await status(api, '/search?q=snow')).toBe(200)
    expect(await problem(await api.get('/runs'))).toEqual([401, 'KEY_REQUIRED'])
    expect(await status(api, '/runs', { 'x-api-key': key })).toBe(200)
    expect(await problem(await api.get('/search?q=snow', { headers: { 'x-api-key': 'uc_wrong' } }))).toEqual([
      401,
      'KEY_INVALID',
    ])
  })

  test('a key is refused once it is revoked or expired, within seconds', async () => {
    const api = await serve(null)
    const { id, key } = await createKey('read')
    const { key: expiring } = await createKey('read', new Date(Date.now() + 1500))
    for (const one of [key, expiring]) expect(await status(api, '/models', { 'x-api-key': one })).toBe(200)
    expect(await keys().revoke(id)).toMatchObject({ id, revokedAt: expect.any(Date) })
    const isRefused = (one: string) => async () => (await status(api, '/models', { 'x-api-key': one })) === 401
    await until('the refusal of the revoked key', isRefused(key), 5000)
    await until('the refusal of the expired key', isRefused(expiring), 5000)
    expect(await keys().revoke(id)).toBeNull()
  })

  test('a key is stored as a digest, and neither the log nor an answer has it', async () => {
    const api = await serve(null)
    const { id, key } = await createKey('read')
    const answer = await api.get(`/search?q=snow&key=${key}`, { headers: { 'x-api-key': key } })
    const secret = key.replace(SECRET_PART, '')
    expect(await answer.text()).not.toContain(secret)
    await until('the line of the log', () => api.log.some(line => line.includes(`"key":"${id}"`)))
    expect(api.log.join()).not.toContain(secret)
    const row = await made().database.query('select to_jsonb(k) as key from api_keys k where id = $1', [id])
    expect(JSON.stringify(row)).not.toContain(secret)
    await until('the note of its use', async () => {
      const used = await keys().keys({ withInvalid: true })
      return used.find(one => one.id === id)!.lastUsedAt !== null
    })
  })

  test('guesses of keys are limited per address, and do not lock out a client that has one', async () => {
    const find = keys().find.bind(keys())
    let lookups = 0
    const counted = {
      find: (digest: Buffer) => {
        lookups++
        return find(digest)
      },
      used: keys().used.bind(keys()),
    }
    const api = await serve(null, { parts: { keys: counted } })
    const { key } = await createKey('read')
    expect(await status(api, '/models', { 'x-api-key': key })).toBe(200)
    const guess = async () => problem(await api.get('/models', { headers: { 'x-api-key': newApiKey().key } }))
    const answers = await Promise.all(Array.from({ length: 40 }, guess))
    const codes = answers.map(([, code]) => code)
    expect(codes.filter(code => code === 'KEY_INVALID').length).toBe(20)
    expect(codes.filter(code => code === 'RATE_LIMITED').length).toBe(20)
    expect(lookups).toBe(21)
    await until('the end of the time that a key is trusted', async () => {
      expect(await status(api, '/models', { 'x-api-key': key })).toBe(200)
      return lookups > 21
    })
    const limited = await api.get('/models', { headers: { 'x-api-key': newApiKey().key } })
    expect(Number(limited.headers.get('retry-after'))).toBeGreaterThan(0)
  })

  test('what fails on the server is told in detail only to those who may know the machine', async () => {
    const queue = () => Promise.reject(new AppError('QUEUE_UNREACHABLE', 'Redis at secret-host:6379 refuses'))
    const search = { model: queue } as never
    const api = await serve('read', { parts: { search } })
    const { key } = await createKey('ingest')
    const detail = async (headers: Record<string, string>) => {
      const response = await api.get('/search?q=snow', { headers })
      expect(response.status).toBe(503)
      return ((await response.json()) as { detail: string }).detail
    }
    expect(await detail({})).not.toContain('secret-host')
    expect(await detail({ 'x-api-key': key })).toContain('secret-host')
  })

  test('requests are counted per key, and per address without a key', async () => {
    const api = await serve('read', { limits: { requestsPerMinute: 1 } })
    const [one, other] = [await createKey('read'), await createKey('read')]
    for (const headers of [{}, { 'x-api-key': one.key }, { 'x-api-key': other.key }] as Record<string, string>[]) {
      expect(await status(api, '/models', headers)).toBe(200)
      expect(await status(api, '/models', headers)).toBe(429)
    }
  })

  test('what a proxy passes on is not sent by the user of this machine', async () => {
    const api = await serve('admin')
    expect(await status(api, '/runs')).toBe(200)
    for (const name of ['forwarded', 'x-forwarded-for', 'via', 'x-real-ip']) {
      expect(await status(api, '/runs', { [name]: '10.0.0.1' }), name).toBe(401)
      expect(await status(api, '/models', { [name]: '10.0.0.1' }), name).toBe(200)
    }
  })

  test('a name is free again once its key is revoked or expired', async () => {
    const create = (expiresAt: Date | null = null) => {
      const { id, digest } = newApiKey()
      return keys().create({ id, name: 'laptop', scope: 'read', digest, expiresAt })
    }
    expect(await create()).toMatchObject({ name: 'laptop' })
    expect(await create()).toBeNull()
    await keys().revoke('laptop')
    expect(await create(new Date(Date.now() - 1000))).toMatchObject({ name: 'laptop' })
    expect(await create()).toMatchObject({ name: 'laptop' })
  })
})
