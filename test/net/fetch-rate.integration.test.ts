import type { RequestListener } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { HostPausedError } from '../../src/domain/errors.js'
import type { RateLimiter } from '../../src/domain/ports/rate-limiter.js'
import { LEDGER_KINDS, type LedgerServer, openLimiter } from '../limits/gcra-stores.js'
import { deferred } from '../support/deferred.js'
import { fetcher, ok, serve } from '../support/fetching.js'
import { until } from '../support/until.js'

/** Gives every turn at once, and keeps the order in which they were asked for. */
class OpenLimiter implements RateLimiter {
  readonly turns: string[] = []
  readonly pauses: [host: string, ms: number][] = []

  async acquire(host: string, _signal: AbortSignal): Promise<void> {
    this.turns.push(host)
  }
  async pause(host: string, ms: number): Promise<void> {
    this.pauses.push([host, ms])
  }
  async close(): Promise<void> {}
}

describe('A fetcher with a rate limiter', () => {
  test('takes a turn of each host it asks, redirects included', async () => {
    const target = await serve(ok)
    const start = await serve((request, response) => {
      const location = request.url === '/1' ? '/2' : target.origin
      response.writeHead(302, { location }).end()
    })
    const rateLimiter = new OpenLimiter()
    await fetcher({ rateLimiter }).get(`${start.origin}/1`)
    expect(rateLimiter.turns).toEqual([start.host, start.host, target.host])
  })

  test('takes none for a URL that it refuses', async () => {
    const rateLimiter = new OpenLimiter()
    const guarded = fetcher({ rateLimiter, allowHosts: [] })
    for (const url of ['http://127.0.0.1/', 'ftp://photos.example/', 'http://user@photos.example/'])
      await expect(guarded.get(url)).rejects.toMatchObject({ retryable: false })
    expect(rateLimiter.turns).toEqual([])
  })

  test('hands a Retry-After on to all, and only that', async () => {
    const server = await serve((request, response) => {
      const [, status, retryAfter] = request.url!.split('/')
      response.writeHead(Number(status), retryAfter ? { 'retry-after': retryAfter } : {}).end()
    })
    const rateLimiter = new OpenLimiter()
    const asking = async (path: string) =>
      await fetcher({ rateLimiter })
        .get(`${server.origin}${path}`)
        .catch(() => {})
    for (const path of ['/404/60', '/500/60', '/429', '/429/30', '/503/60']) await asking(path)
    expect(rateLimiter.pauses).toEqual([
      [server.host, 30_000],
      [server.host, 60_000],
    ])
  })

  test('does not count the wait for a turn as part of its deadline, not on a redirect either', async () => {
    const target = await serve(ok)
    const start = await serve((_request, response) => response.writeHead(302, { location: target.origin }).end())
    const rateLimiter = new OpenLimiter()
    const turn = deferred()
    rateLimiter.acquire = async host => {
      rateLimiter.turns.push(host)
      if (host === target.host) await turn.promise
    }
    const answer = fetcher({ rateLimiter, timeoutMs: 500 }).get(start.origin)
    await until('the turn to be asked for', () => rateLimiter.turns.includes(target.host))
    setTimeout(() => turn.resolve(), 1000)
    expect((await answer).body.toString()).toBe('fine')
  })

  test('lets go of the host while aborted in the wait for a turn', async () => {
    const server = await serve(ok)
    const rateLimiter = new OpenLimiter()
    rateLimiter.acquire = (_host, signal) =>
      new Promise<void>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    const one = fetcher({ rateLimiter, hostConcurrency: 1 })
    const reason = new Error('the worker ends')
    for (let i = 0; i < 3; i++) {
      const controller = new AbortController()
      const answer = one.get(server.origin, { signal: controller.signal })
      setImmediate(() => controller.abort(reason))
      await expect(answer).rejects.toBe(reason)
    }
    rateLimiter.acquire = async () => {}
    expect((await one.get(server.origin)).body.toString()).toBe('fine')
  })
})

describe.each(LEDGER_KINDS)('Two workers with their limits on $name', kind => {
  describe.skipIf(!kind.available())('', () => {
    let ledgers: LedgerServer
    beforeAll(async () => {
      ledgers = await kind.start()
    })
    afterAll(() => ledgers.stop())

    test('both leave a host alone once one of them was told to', async () => {
      const times: number[] = []
      const listener: RequestListener = (request, response) => {
        times.push(performance.now())
        if (request.url === '/busy') response.writeHead(503, { 'retry-after': '2' }).end()
        else response.end('fine')
      }
      const [server, other] = [await serve(listener), await serve(ok)]
      const limiters = [await openLimiter(ledgers.address, 1000), await openLimiter(ledgers.address, 1000)]
      const [told, untold] = limiters.map(({ limiter }) => fetcher({ rateLimiter: limiter, timeoutMs: 1000 }))
      try {
        await expect(told!.get(`${server.origin}/busy`)).rejects.toMatchObject({ code: 'HTTP_503' })
        // The word may still be on its way: what is asked meanwhile is let through.
        const refusal = () =>
          untold!.get(server.origin).then(
            () => null,
            error => error,
          )
        await until('the other to be refused', async () => (await refusal()) instanceof HostPausedError)
        const last = times.at(-1)!
        await untold!.get(other.origin)
        await until('the pause is over', async () => (await refusal()) === null)
        expect(times.at(-1)! - times[0]!).toBeGreaterThanOrEqual(1900)
        expect(times.filter(at => at > last)).toHaveLength(1)
      } finally {
        for (const { close } of limiters) await close()
      }
    })
  })
})
