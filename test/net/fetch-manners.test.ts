import type { RequestListener } from 'node:http'
import { describe, expect, test } from 'vitest'
import { HostPausedError } from '../../src/domain/errors.js'
import { permitOf, Semaphore } from '../../src/net/semaphore.js'
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

  test.each([429, 503])('says with %s when to come back; until then requests are refused at once', async status => {
    const { times, listener } = busy(status, '1')
    const [server, other] = [await serve(listener), await serve(ok)]
    const polite = fetcher({ hostConcurrency: 1 })
    const first = polite.get(server.origin)
    const waiting = polite.get(server.origin)
    waiting.catch(() => {})
    await expect(first).rejects.toMatchObject({
      code: `HTTP_${status}`,
      retryable: true,
      retryAfterMs: 1000,
    })
    for (const refused of [waiting, polite.get(server.origin)])
      await expect(refused).rejects.toSatisfy(
        error => error instanceof HostPausedError && error.ms > 0 && error.ms <= 1000 && error.host === server.host,
      )
    expect(polite.pausedFor(`${server.origin}/photo.jpg`)).toMatchObject({ failure: { code: 'HOST_PAUSED' } })
    expect(polite.pausedFor(other.origin)).toBeNull()
    await polite.get(other.origin)
    expect(times).toHaveLength(1)
    await until('the pause is over', () => polite.pausedFor(server.origin) === null)
    await polite.get(server.origin)
    expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(990)
  })

  test('is asked again at once when it names no time', async () => {
    const server = await serve(busy(429).listener)
    const polite = fetcher()
    await expect(polite.get(server.origin)).rejects.toMatchObject({ code: 'HTTP_429', retryAfterMs: undefined })
    expect((await polite.get(server.origin)).body.toString()).toBe('fine')
  })

  test('is not waited for by a redirect, which holds no permit', async () => {
    const paused = await serve((_request, response) => response.writeHead(503, { 'retry-after': '60' }).end())
    const server = await serve((_request, response) => response.writeHead(302, { location: paused.origin }).end())
    const polite = fetcher({ concurrency: 1, hostConcurrency: 1 })
    await expect(polite.get(paused.origin)).rejects.toMatchObject({ code: 'HTTP_503' })
    for (let i = 0; i < 3; i++)
      await expect(polite.get(server.origin)).rejects.toMatchObject({
        name: 'HostPausedError',
        host: paused.host,
        ms: expect.toSatisfy((ms: number) => ms > 50_000 && ms <= 60_000),
      })
  })

  test('is left alone for five minutes at most, whatever it asks for', async () => {
    const server = await serve((_request, response) =>
      response.writeHead(503, { 'retry-after': '9'.repeat(400) }).end(),
    )
    const polite = fetcher()
    await expect(polite.get(server.origin)).rejects.toMatchObject({ retryAfterMs: 300_000 })
    expect(polite.pausedFor(server.origin)?.ms).toBeLessThanOrEqual(300_000)
  })

  test('fails its photos after six hours of pauses, unless it serves some in between', async () => {
    let status = 503
    const server = await serve((_request, response) => response.writeHead(status, { 'retry-after': '60' }).end('fine'))
    const [never, sometimes] = [fetcher(), fetcher()]
    status = 200
    await sometimes.get(server.origin)
    status = 503
    for (const each of [never, sometimes])
      await expect(each.get(server.origin)).rejects.toMatchObject({ code: 'HTTP_503' })
    expect(never.pausedFor(server.origin)?.patienceMs).toBe(6 * 3_600_000)
    expect(sometimes.pausedFor(server.origin)?.patienceMs).toBe(Number.POSITIVE_INFINITY)
  })
})

describe('A host that answers nothing', () => {
  test('is paused after four time-outs in a row, and then asked by one request at a time until it answers', async () => {
    let mute = true
    let asked = 0
    const [server, other] = [
      await serve((_request, response) => {
        asked++
        if (!mute) response.end('fine')
      }),
      await serve(ok),
    ]
    const patient = fetcher({ timeoutMs: 600, hostConcurrency: 4 })
    const answers = await Promise.allSettled(Array.from({ length: 10 }, () => patient.get(server.origin)))
    const reasons = answers.map(answer => (answer.status === 'rejected' ? answer.reason : null))
    const refused = reasons.filter(reason => reason instanceof HostPausedError)
    expect(reasons.filter(reason => reason?.code === 'TIMEOUT')).toHaveLength(asked)
    // Three others may have got the places of the first ones that timed out.
    expect(asked).toBeLessThanOrEqual(7)
    expect(refused).toHaveLength(10 - asked)
    expect(refused[0]).toMatchObject({ failure: { code: 'TIMEOUT' }, patienceMs: 3_600_000 })
    await patient.get(other.origin)

    await until('the pause is over', () => patient.pausedFor(server.origin) === null)
    const again = await Promise.allSettled([patient.get(server.origin), patient.get(server.origin)])
    expect(again).toMatchObject([{ reason: { code: 'TIMEOUT' } }, { reason: { name: 'HostPausedError' } }])
    expect(asked).toBe(11 - refused.length)

    mute = false
    await until('the pause is over', () => patient.pausedFor(server.origin) === null)
    await patient.get(server.origin)
    await Promise.all([patient.get(server.origin), patient.get(server.origin)])
  })

  test('is asked again at once when it turns out that there was no network', async () => {
    let mute = true
    const server = await serve((_request, response) => {
      if (!mute) response.end('fine')
    })
    const network = {
      connects: async () => false,
      hasRoute: async () => false,
      askNameServers: async () => 'none' as const,
    }
    const resolve = async () => {
      throw Object.assign(new Error('no answer'), { code: 'EAI_AGAIN' })
    }
    const patient = fetcher({ timeoutMs: 1000, network, resolve })
    await Promise.allSettled(Array.from({ length: 8 }, () => patient.get(server.origin)))
    expect(patient.pausedFor(server.origin)).not.toBeNull()
    await expect(patient.get('http://photos.example/')).rejects.toMatchObject({ code: 'DNS_FAILED' })
    await expect(patient.checkNetwork()).rejects.toThrow('no network')
    mute = false
    await patient.get(server.origin)
  })

  test('takes none of the permits of its caller while photos wait for it', async () => {
    const mute = await serve(() => {})
    const permits = new Semaphore(2)
    const patient = fetcher({ timeoutMs: 60_000, hostConcurrency: 1 })
    const stop = new AbortController()
    const { signal } = stop
    const waiting = [1, 2, 3].map(() => patient.get(mute.origin, { signal, permit: permitOf(permits) }))
    for (const each of waiting) each.catch(() => {})
    await until('a request is under way', () => mute.connections() === 1)
    expect(permits.held).toBe(1)
    stop.abort()
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

  test('ends requests that are under way and that wait for their turn', async () => {
    const controller = new AbortController()
    const { signal } = controller
    const mute = await serve(() => {})
    const one = fetcher({ concurrency: 2, hostConcurrency: 1 })
    const all = [mute, mute].map(server => one.get(server.origin, { signal }))
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
