import type { RequestListener } from 'node:http'
import { describe, expect, test } from 'vitest'
import { deferred } from '../support/deferred.js'
import { fetcher, ok, serve } from '../support/fetching.js'
import { until } from '../support/until.js'

describe('Concurrency', () => {
  /** Answers only when told, and knows how many requests it has in hand. */
  async function gate() {
    const open = deferred()
    const seen = { now: 0, most: 0, total: 0 }
    const server = await serve(async (_request, response) => {
      seen.total++
      seen.most = Math.max(seen.most, ++seen.now)
      await open.promise
      seen.now--
      response.end('fine')
    })
    return { ...server, seen, open: () => open.resolve() }
  }

  test('is limited by host and in total, and a slow host does not hold up the others', async () => {
    const [slow, fast] = [await gate(), await gate()]
    const limited = fetcher({ hostConcurrency: 2, concurrency: 3 })
    const slowAnswers = Array.from({ length: 10 }, () => limited.get(slow.origin))
    await until('the slow host to be busy', () => slow.seen.now === 2, 5000)
    const fastAnswers = Array.from({ length: 10 }, () => limited.get(fast.origin))
    await until('the other host to be asked', () => fast.seen.now === 1, 5000)
    fast.open()
    await Promise.all(fastAnswers)
    expect(slow.seen).toEqual({ now: 2, most: 2, total: 2 })
    slow.open()
    await Promise.all(slowAnswers)
    expect(slow.seen).toMatchObject({ most: 2, total: 10 })
    expect(fast.seen).toMatchObject({ most: 1, total: 10 })
  })

  test('does not let redirects between two busy hosts block each other', async () => {
    const targets: string[] = []
    const crossing =
      (other: number): RequestListener =>
      (request, response) => {
        if (request.url === '/end') response.end('fine')
        else response.writeHead(302, { location: `${targets[other]}/end` }).end()
      }
    const [one, two] = [await serve(crossing(1)), await serve(crossing(0))]
    targets.push(one.origin, two.origin)
    const narrow = fetcher({ hostConcurrency: 1, concurrency: 1 })
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => narrow.get(`${targets[i % 2]}/start`)))
    expect(answers).toHaveLength(20)
  })

  test('uses a connection again after a refusal or a redirect', async () => {
    const ports = new Set<number | undefined>()
    const server = await serve((request, response) => {
      ports.add(request.socket.remotePort)
      if (request.url === '/moved') response.writeHead(302, { location: '/missing' }).end('moved')
      else response.writeHead(404).end('missing')
    })
    const polite = fetcher()
    for (let i = 0; i < 10; i++)
      await expect(polite.get(`${server.origin}/moved`)).rejects.toMatchObject({ code: 'HTTP_404' })
    expect(ports.size).toBeLessThanOrEqual(2)
  })
})

describe('A host that answers 429 or 503 with Retry-After', () => {
  const busy = (status: number, retryAfter?: string) => {
    const times: number[] = []
    const listener: RequestListener = (_request, response) => {
      times.push(performance.now())
      const headers = retryAfter === undefined ? {} : { 'retry-after': retryAfter }
      if (times.length === 1) response.writeHead(status, headers).end()
      else response.end('fine')
    }
    return { times, listener }
  }

  test.each([429, 503])('says with %s when to come back, and is left alone until then', async status => {
    const { times, listener } = busy(status, '1')
    const [server, other] = [await serve(listener), await serve(ok)]
    const polite = fetcher({ timeoutMs: 500 })
    await expect(polite.get(server.origin)).rejects.toMatchObject({
      code: `HTTP_${status}`,
      retryable: true,
      retryAfterMs: 1000,
    })
    const waiting = Promise.all([polite.get(server.origin), polite.get(server.origin)])
    const before = performance.now()
    await polite.get(other.origin)
    expect(performance.now() - before).toBeLessThan(900)
    expect(times).toHaveLength(1)
    await waiting
    expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(990)
  })

  test('is asked again at once when it names no time', async () => {
    const server = await serve(busy(429).listener)
    const polite = fetcher()
    await expect(polite.get(server.origin)).rejects.toMatchObject({ code: 'HTTP_429', retryAfterMs: undefined })
    expect((await polite.get(server.origin)).body.toString()).toBe('fine')
  })

  test('is not waited for by a redirect whose deadline is nearer', async () => {
    const paused = await serve((_request, response) => response.writeHead(503, { 'retry-after': '60' }).end())
    const server = await serve((_request, response) => response.writeHead(302, { location: paused.origin }).end())
    const polite = fetcher()
    await expect(polite.get(paused.origin)).rejects.toMatchObject({ code: 'HTTP_503' })
    await expect(polite.get(server.origin)).rejects.toMatchObject({
      code: 'HTTP_503',
      retryAfterMs: expect.toSatisfy((ms: number) => ms > 50_000 && ms <= 60_000),
    })
  })
})

describe('A signal that is aborted', () => {
  const reason = new Error('the worker ends')

  test('before the request: nothing is asked', async () => {
    let requests = 0
    const server = await serve(() => requests++)
    await expect(fetcher().get(server.origin, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(requests).toBe(0)
  })

  test('ends requests that are under way, that wait for their turn, and that wait for a pause to end', async () => {
    const controller = new AbortController()
    const { signal } = controller
    const mute = await serve(() => {})
    const paused = await serve((_request, response) => response.writeHead(429, { 'retry-after': '60' }).end())
    const one = fetcher({ concurrency: 2, hostConcurrency: 1 })
    await expect(one.get(paused.origin)).rejects.toMatchObject({ code: 'HTTP_429' })
    const all = [mute, mute, paused].map(server => one.get(server.origin, { signal }))
    await until('a request to be under way', () => mute.connections() === 1, 5000)
    controller.abort(reason)
    for (const each of all) await expect(each).rejects.toBe(reason)
    await until('its connection to end', () => mute.connections() === 0, 5000)
  })

  test('leaves nothing behind on a signal that lives on', async () => {
    const { signal } = new AbortController()
    let listeners = 0
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = ((...args: Parameters<typeof add>) => {
      listeners++
      add(...args)
    }) as typeof signal.addEventListener
    signal.removeEventListener = ((...args: Parameters<typeof remove>) => {
      listeners--
      remove(...args)
    }) as typeof signal.removeEventListener
    const server = await serve(ok)
    const many = fetcher()
    for (let i = 0; i < 5; i++) await many.get(server.origin, { signal })
    expect(listeners).toBe(0)
  })
})
