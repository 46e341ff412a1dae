import type { IncomingMessage, RequestListener } from 'node:http'
import { afterEach, describe, expect, test } from 'vitest'
import { PhotoError } from '../../src/domain/errors.js'
import type { ResolvedAddress } from '../../src/net/address-guard.js'
import { type FetchOptions, GuardedFetcher } from '../../src/net/fetch.js'
import { deferred } from '../support/deferred.js'
import { startHttp, startTcp, type TestServer } from '../support/http-server.js'
import { until } from '../support/until.js'

const opened: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close()
})

async function serve(listener: RequestListener, address?: string, port?: number): Promise<TestServer> {
  const server = await startHttp(listener, address, port)
  opened.push(server)
  return server
}

function fetcher(options: Partial<FetchOptions> = {}): GuardedFetcher {
  const created = new GuardedFetcher({
    timeoutMs: 5000,
    maxBytes: 1024 * 1024,
    maxRedirects: 3,
    concurrency: 16,
    hostConcurrency: 8,
    allowHosts: ['127.0.0.1'],
    userAgent: 'unsplash-clip/1.2.3 (+https://example.org)',
    ...options,
  })
  opened.push(created)
  return created
}

const at = (...addresses: string[]) => addresses.map((address): ResolvedAddress => ({ address, family: 4 }))
const ok: RequestListener = (_request, response) => response.end('fine')

describe('A request', () => {
  test('names the project and asks for bytes as they are', async () => {
    const seen: IncomingMessage['headers'][] = []
    const server = await serve((request, response) => {
      seen.push(request.headers)
      response.end('fine')
    })
    await fetcher().get(server.origin, { accept: 'image/jpeg' })
    expect(seen[0]).toMatchObject({
      'user-agent': 'unsplash-clip/1.2.3 (+https://example.org)',
      accept: 'image/jpeg',
      'accept-encoding': 'identity',
    })
  })

  test('gives the body, its type, and where it came from in the end', async () => {
    const server = await serve((request, response) => {
      if (request.url === '/a/start') response.writeHead(302, { location: '../b?c=d' }).end()
      else response.writeHead(200, { 'content-type': 'image/png' }).end('fine')
    })
    const answer = await fetcher().get(`${server.origin}/a/start`)
    expect(answer).toMatchObject({ contentType: 'image/png', finalUrl: `${server.origin}/b?c=d` })
    expect(answer.body.toString()).toBe('fine')
    expect(answer.headers).toMatchObject({ 'content-type': 'image/png' })
  })

  test('can be refused by its head, before the body is read', async () => {
    const server = await serve((_request, response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).flushHeaders(),
    )
    const refusal = new PhotoError('NOT_AN_IMAGE', 'a page')
    const onHead = () => {
      throw refusal
    }
    await expect(fetcher().get(server.origin, { onHead })).rejects.toBe(refusal)
  })

  test('follows as many redirects as are allowed, none when none are', async () => {
    const server = await serve((_request, response) => response.writeHead(302, { location: '/again' }).end())
    await expect(fetcher({ maxRedirects: 0 }).get(server.origin)).rejects.toMatchObject({ code: 'TOO_MANY_REDIRECTS' })
  })

  test('over TLS to a server that does not speak it is a failed connection', async () => {
    const server = await serve(ok)
    await expect(fetcher().get(server.origin.replace('http:', 'https:'))).rejects.toMatchObject({
      code: 'CONNECTION_FAILED',
      retryable: true,
    })
  })
})

describe('The byte cap', () => {
  test.each([false, true])('is exact (length announced: %s)', async announced => {
    const server = await serve((request, response) => {
      const body = Buffer.alloc(Number(request.url!.slice(1)))
      if (announced) response.setHeader('content-length', body.length)
      else response.flushHeaders()
      response.end(body)
    })
    const capped = fetcher({ maxBytes: 1000 })
    expect((await capped.get(`${server.origin}/1000`)).body).toHaveLength(1000)
    await expect(capped.get(`${server.origin}/1001`)).rejects.toMatchObject({ code: 'TOO_LARGE', retryable: false })
  })

  test('ends a body without end, and its connection', async () => {
    const server = await serve((_request, response) => {
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
      }
      response.on('drain', more)
      more()
    })
    const capped = fetcher({ maxBytes: 1000, hostConcurrency: 2 })
    for (let i = 0; i < 20; i++) await expect(capped.get(server.origin)).rejects.toMatchObject({ code: 'TOO_LARGE' })
    await until('the connections to end', () => server.connections() === 0, 5000)
  })
})

describe('The deadline', () => {
  const soon = { timeoutMs: 200 }

  test('covers the resolving of names', async () => {
    const never = fetcher({ ...soon, resolve: () => new Promise(() => {}) })
    await expect(never.get('http://photos.example/')).rejects.toMatchObject({ code: 'TIMEOUT', retryable: true })
  })

  test('covers a server that says nothing', async () => {
    const server = await startTcp(() => {})
    opened.push(server)
    await expect(fetcher(soon).get(server.origin)).rejects.toMatchObject({ code: 'TIMEOUT' })
  })

  test('covers all redirects together', async () => {
    const server = await serve((_request, response) => {
      setTimeout(() => response.writeHead(302, { location: '/again' }).end(), 50)
    })
    await expect(fetcher({ ...soon, maxRedirects: 100 }).get(server.origin)).rejects.toMatchObject({ code: 'TIMEOUT' })
  })

  test('covers a body that never ends, and frees its place', async () => {
    const server = await serve((request, response) => {
      if (request.url === '/slow') response.writeHead(200, { 'content-length': 10 }).write('x')
      else response.end('fine')
    })
    const one = fetcher({ ...soon, concurrency: 1 })
    await expect(one.get(`${server.origin}/slow`)).rejects.toMatchObject({ code: 'TIMEOUT' })
    expect((await one.get(`${server.origin}/next`)).body.toString()).toBe('fine')
  })

  test('does not run while a request waits for its turn', async () => {
    const server = await serve((_request, response) => {
      setTimeout(() => response.end('fine'), 120)
    })
    const one = fetcher({ ...soon, concurrency: 1 })
    const answers = await Promise.all([1, 2, 3, 4].map(() => one.get(server.origin)))
    expect(answers).toHaveLength(4)
  })
})

describe('Addresses that are not public', () => {
  test('are refused when a name resolves to them, and nobody is connected', async () => {
    let requests = 0
    const server = await serve((request, response) => {
      requests++
      ok(request, response)
    })
    const guarded = fetcher({ allowHosts: [], resolve: async () => at('127.0.0.1') })
    await expect(guarded.get(`http://photos.example:${server.port}/`)).rejects.toMatchObject({
      code: 'HOST_FORBIDDEN',
      retryable: false,
    })
    expect(requests).toBe(0)
    expect(server.connections()).toBe(0)
  })

  test('are refused when a redirect leads to a name that resolves to them', async () => {
    const server = await serve((request, response) => {
      response.writeHead(302, { location: `http://photos.example:${request.socket.localPort}/` }).end()
    })
    const guarded = fetcher({ allowHosts: [server.host], resolve: async () => at('127.0.0.1') })
    await expect(guarded.get(server.origin)).rejects.toMatchObject({ code: 'HOST_FORBIDDEN' })
  })

  test('are reached when their host is allowed, by name or by address', async () => {
    const server = await serve(ok)
    const resolve = async () => at('127.0.0.1')
    const allowing = (...allowHosts: string[]) => fetcher({ allowHosts, resolve })
    const byName = `http://photos.example:${server.port}/`
    expect((await allowing('photos.example').get(byName)).body.toString()).toBe('fine')
    expect((await allowing(`photos.example:${server.port}`).get(byName)).body.toString()).toBe('fine')
    expect((await allowing(server.host).get(server.origin)).body.toString()).toBe('fine')
    await expect(allowing('127.0.0.1:1').get(server.origin)).rejects.toMatchObject({ code: 'HOST_FORBIDDEN' })
    await expect(allowing(server.host).get(byName)).rejects.toMatchObject({ code: 'HOST_FORBIDDEN' })
  })

  test('are not reached by an answer that changes after it was checked', async () => {
    const reached: string[] = []
    const note: RequestListener = (request, response) => {
      reached.push(request.socket.localAddress!)
      response.writeHead(200, { connection: 'close' }).end('fine')
    }
    const checked = await serve(note, '127.0.0.1')
    await serve(note, '127.0.0.2', checked.port)
    const given = [at('127.0.0.1'), at('127.0.0.2')]
    const guarded = fetcher({
      allowHosts: [],
      resolve: async () => given.shift()!,
      isPublic: ip => ip === '127.0.0.1',
    })
    const url = `http://rebinding.example:${checked.port}/`
    expect((await guarded.get(url)).body.toString()).toBe('fine')
    await expect(guarded.get(url)).rejects.toMatchObject({ code: 'HOST_FORBIDDEN' })
    expect(reached).toEqual(['127.0.0.1'])
  })
})

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

describe('A refusal', () => {
  test('is told at once although its body never ends', async () => {
    const server = await serve((_request, response) => response.writeHead(404).write('x'))
    await expect(fetcher().get(server.origin)).rejects.toMatchObject({ code: 'HTTP_404', retryable: false })
    await until('the connection to end', () => server.connections() === 0, 5000)
  })

  test('with a long body is not read to its end', async () => {
    const server = await serve((_request, response) => {
      response.writeHead(404, { 'content-length': 10_000_000 }).write(Buffer.alloc(100_000))
    })
    await expect(fetcher().get(server.origin)).rejects.toMatchObject({ code: 'HTTP_404' })
    await until('the connection to end', () => server.connections() === 0, 5000)
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
