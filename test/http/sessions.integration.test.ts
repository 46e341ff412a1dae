import { describe, expect, test } from 'vitest'
import { newApiKey } from '../../src/domain/api-key.js'
import { until } from '../support/until.js'
import { servedKeys } from './served-keys.js'
import type { TestApi, TestChanges } from './support.js'

describe('sessions of pages', () => {
  const { keys, serve: serveTo, createKey } = servedKeys()
  const serve = (changes: TestChanges = {}) => serveTo(null, changes)
  const signIn = async (api: TestApi, key: string, headers: Record<string, string> = {}) => {
    const response = await api.post('/session', { key }, headers)
    const [set = ''] = response.headers.getSetCookie()
    return { response, set, cookie: set.split(';')[0]! }
  }
  const status = async (api: TestApi, path: string, init: RequestInit = {}) => {
    const response = await api.get(path, init)
    await response.arrayBuffer()
    return response.status
  }
  const withCookie = (cookie: string) => ({ headers: { cookie } })
  const codeOf = async (response: Response) => [response.status, ((await response.json()) as { code: string }).code]

  test('POST /api/v1/session exchanges a key for a cookie that scripts cannot read', async () => {
    const api = await serve()
    const { id, key } = await createKey('ingest')
    const { response, set, cookie } = await signIn(api, key)
    const body = (await response.json()) as { expires_at: string }
    expect([response.status, body]).toEqual([200, { scope: 'ingest', key: id, expires_at: expect.any(String) }])
    expect(Date.parse(body.expires_at) - Date.now()).toBeGreaterThan(11.9 * 3_600_000)
    const port = new URL(api.server.url).port
    expect(set).toMatch(
      new RegExp(`^unsplash-clip-${port}=[\\w-]{43}; Path=/; Max-Age=43(199|200); HttpOnly; SameSite=Strict$`),
    )
    expect(response.headers.get('cache-control')).toBe('no-store')
    for (const path of ['/search?q=snow', '/copies/h512-q65/dog.jpg', '/runs', '/runs/run-1/events'])
      expect(await status(api, path), path).toBe(401)
    for (const path of ['/search?q=snow', '/copies/h512-q65/dog.jpg', '/runs'])
      expect(await status(api, path, withCookie(`other=1; ${cookie}`)), path).toBe(200)
    const caller = await api.get('/caller', withCookie(cookie))
    expect(await caller.json()).toEqual({ scope: 'ingest', key: id })
    const stream = await api.get('/runs/run-1/events', withCookie(cookie))
    expect(stream.status).toBe(200)
    await stream.body!.cancel()
    const token = cookie.split('=')[1]!
    await until('the line of the log', () => api.log.some(line => line.includes(`"key":"${id}"`)))
    for (const secret of [token, key]) expect(api.log.join()).not.toContain(secret)
  })

  test('DELETE /api/v1/session ends it at once, and a restart of the server ends all', async () => {
    const api = await serve()
    const { cookie } = await signIn(api, (await createKey('read')).key)
    expect(await status(api, '/models', withCookie(cookie))).toBe(200)
    const end = () => api.get('/session', { method: 'DELETE', headers: { cookie } })
    const ended = await end()
    expect([ended.status, await ended.json()]).toEqual([200, { ended: true }])
    expect(ended.headers.getSetCookie()[0]).toMatch(/=; Path=\/; Max-Age=0; HttpOnly; SameSite=Strict$/)
    expect(await status(api, '/models', withCookie(cookie))).toBe(401)
    expect(await (await end()).json()).toEqual({ ended: false })
    expect(await (await api.get('/session', { method: 'DELETE' })).json()).toEqual({ ended: false })
    const { cookie: another } = await signIn(api, (await createKey('read')).key)
    const restarted = await serve()
    const name = `unsplash-clip-${new URL(restarted.server.url).port}`
    expect(await status(restarted, '/models', withCookie(`${name}=${another.split('=')[1]}`))).toBe(401)
  })

  test('a session can do what its key can, and ends with it within seconds', async () => {
    const api = await serve()
    const { cookie: reading } = await signIn(api, (await createKey('read')).key)
    expect(await codeOf(await api.get('/runs', withCookie(reading)))).toEqual([403, 'SCOPE_MISSING'])
    const { id, key } = await createKey('ingest')
    const { cookie } = await signIn(api, key)
    const stream = await api.get('/runs/run-1/events', withCookie(cookie))
    await keys().revoke(id)
    await until('the refusal', async () => (await status(api, '/models', withCookie(cookie))) === 401, 5000)
    expect(await stream.text()).not.toContain('event: end')
    const expiring = await createKey('read', new Date(Date.now() + 2500))
    const { cookie: short, response } = await signIn(api, expiring.key)
    const { expires_at } = (await response.json()) as { expires_at: string }
    expect(Date.parse(expires_at) - Date.now()).toBeLessThan(2500)
    expect(await status(api, '/models', withCookie(short))).toBe(200)
    await until('its end', async () => (await status(api, '/models', withCookie(short))) === 401, 6000)
  })

  test('with the cookie only the page changes something: ORIGIN_REFUSED without its origin or x-requested-with', async () => {
    const api = await serve()
    const { cookie } = await signIn(api, (await createKey('admin')).key)
    const origin = api.server.url
    const pause = (headers: Record<string, string>) => api.post('/runs/run-1/pause', {}, { cookie, ...headers })
    const page = { origin, 'x-requested-with': 'page' }
    for (const headers of [{}, { origin }, { 'x-requested-with': 'page' }])
      expect(await codeOf(await pause(headers as Record<string, string>))).toEqual([403, 'ORIGIN_REFUSED'])
    for (const other of ['http://evil.example', 'http://127.0.0.1:1', 'null'])
      expect(await codeOf(await pause({ ...page, origin: other }))).toEqual([403, 'ORIGIN_REFUSED'])
    const remove = (headers: Record<string, string>) =>
      status(api, '/photos/snow', { method: 'DELETE', headers: { cookie, ...headers } })
    expect(await remove({ origin })).toBe(403)
    expect((await pause(page)).status).toBe(200)
    expect(await remove(page)).toBe(200)
    // Searching changes nothing.
    expect((await api.post('/search', { words: 'snow' }, { cookie })).status).toBe(200)
    const foreign = await signIn(api, (await createKey('read')).key, { origin: 'http://evil.example' })
    expect([foreign.response.status, foreign.set]).toEqual([403, ''])
  })

  test('wrong keys get no session, and count as guesses do', async () => {
    const api = await serve()
    const guess = async () => codeOf((await signIn(api, newApiKey().key)).response)
    const wrong = await signIn(api, 'uc_wrong')
    expect([wrong.response.status, wrong.set]).toEqual([401, ''])
    expect(await wrong.response.json()).toMatchObject({ code: 'KEY_INVALID', field: 'body.key' })
    for (const body of [{}, { key: '' }, { key: 7 }, { key: 'a', more: 1 }])
      expect(await codeOf(await api.post('/session', body))).toEqual([400, 'REQUEST_INVALID'])
    const codes = (await Promise.all(Array.from({ length: 30 }, guess))).map(([, code]) => code)
    expect(codes.filter(code => code === 'KEY_INVALID').length).toBe(19)
    expect(codes.filter(code => code === 'RATE_LIMITED').length).toBe(11)
    for (const token of ['', 'x', 'A'.repeat(43), '%'])
      expect(await status(api, '/models', withCookie(`unsplash-clip-${new URL(api.server.url).port}=${token}`))).toBe(
        401,
      )
  })

  test('a key has 20 sessions at most: the oldest gives way', async () => {
    const api = await serve()
    const { key } = await createKey('read')
    const cookies: string[] = []
    for (let i = 0; i < 21; i++) cookies.push((await signIn(api, key)).cookie)
    expect(await status(api, '/models', withCookie(cookies[0]!))).toBe(401)
    for (const at of [1, 20]) expect(await status(api, '/models', withCookie(cookies[at]!))).toBe(200)
  })

  test('the cookie is Secure where a proxy says that the browser speaks HTTPS', async () => {
    const api = await serve()
    const { key } = await createKey('read')
    for (const headers of [{ 'x-forwarded-proto': 'https' }, { forwarded: 'for=10.0.0.1;proto=https' }])
      expect((await signIn(api, key, headers as unknown as Record<string, string>)).set).toMatch(
        /; SameSite=Strict; Secure$/,
      )
    expect((await signIn(api, key, { 'x-forwarded-proto': 'http' })).set).toMatch(/; SameSite=Strict$/)
  })
})
