import { randomUUID } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { HostPause } from '../../src/domain/ports/rate-limiter.js'
import { startTypeScript } from '../queue/backends.js'
import { serve } from '../support/fetching.js'
import { until } from '../support/until.js'
import type { AskingOptions } from './asking.js'
import { type LedgerKind, type LedgerServer, openGcraStore, openLimiter } from './gcra-stores.js'

const SECOND = 1000
const NEVER = new AbortController().signal
setMaxListeners(0, NEVER)
/** Seconds by which the clocks of a loaded machine, and slots under way when a server dies, may shift what is counted. */
const SHIFT = 0.5

/** What every implementation of the RateLimiter port promises, on one kind of server. */
export function rateLimiterContract(kind: LedgerKind): void {
  describe.skipIf(!kind.available())(`a rate limiter on ${kind.name}`, () => {
    let server: LedgerServer
    let host: string
    const closers: (() => unknown)[] = []
    beforeAll(async () => {
      server = await kind.start()
    })
    afterAll(() => server.stop())
    beforeEach(() => {
      host = `${randomUUID()}.example:8080`
    })
    afterEach(async () => {
      for (const close of closers.splice(0).reverse()) await close()
    })

    async function client(rate: number) {
      const opened = await openLimiter(server.address, rate)
      closers.push(() => opened.close())
      return opened
    }

    /** Takes slots as fast as they come, and keeps their times; `stop` lets go. */
    function taking(limiter: { acquire(host: string, signal: AbortSignal): Promise<void> }, concurrency = 8) {
      const controller = new AbortController()
      const times: number[] = []
      const pauses: number[] = []
      const take = async () => {
        for (;;) {
          try {
            await limiter.acquire(host, controller.signal)
            times.push(performance.now())
          } catch (error) {
            if (!(error instanceof HostPause)) throw error
            pauses.push(error.ms)
            await pause(Math.min(error.ms, SECOND / 10), undefined, { signal: controller.signal })
          }
        }
      }
      const loops = Array.from({ length: concurrency }, () => take().catch(() => {}))
      const stop = async () => {
        controller.abort()
        await Promise.all(loops)
      }
      closers.push(stop)
      return { times, pauses, stop }
    }

    test('four processes together ask a host no more often than the rate, and each gets its share', async () => {
      const rate = 100
      const arrivals: { name: string; at: number }[] = []
      const image = await serve((request, response) => {
        arrivals.push({ name: request.url!, at: performance.now() })
        response.end('fine')
      })
      const names = ['/one', '/two', '/three', '/four']
      const asking = async (name: string) => {
        const options: AskingOptions = {
          address: server.address,
          rate,
          host,
          url: `${image.origin}${name}`,
          concurrency: 8,
        }
        const { child } = await startTypeScript('../limits/asking.ts', 'askForever', options)
        closers.push(() => child.kill('SIGKILL'))
      }
      await Promise.all(names.map(asking))
      await until('all to be at work', () => new Set(arrivals.map(arrival => arrival.name)).size === names.length)
      const counted = arrivals.splice(0).length
      await until('some hundred requests', () => arrivals.length >= 4 * rate)
      const seen = arrivals.slice()
      const seconds = (seen.at(-1)!.at - seen[0]!.at) / SECOND
      expect(counted).toBeGreaterThan(0)
      // Arrivals are late by as much as this process is busy.
      expect(seen.length).toBeLessThanOrEqual(rate * (seconds + 2 * SHIFT))
      for (const name of names)
        expect(seen.filter(arrival => arrival.name === name).length).toBeGreaterThanOrEqual(seen.length / 10)
    })

    test.each([3, 25, 500])('the rate of %d a second holds for three clients', async rate => {
      const clients = await Promise.all([client(rate), client(rate), client(rate)])
      const all = clients.map(({ limiter }) => taking(limiter))
      const startedAt = performance.now()
      const count = () => all.reduce((sum, { times }) => sum + times.length, 0)
      await until('two seconds’ worth of slots', () => count() >= 2 * rate)
      expect(count()).toBeLessThanOrEqual(rate * ((performance.now() - startedAt) / SECOND + SHIFT) + clients.length)
    })

    test('a lull does not let more than a quarter of a second’s worth through at once', async () => {
      const { gcra, close } = await openGcraStore(server.address)
      closers.push(close)
      await gcra.reserve(host, 1, 10)
      await passing(SECOND)
      const { firstInMs } = await gcra.reserve(host, 100, 10)
      expect(firstInMs).toBe(-250)
      const next = await gcra.reserve(host, 1, 10)
      // 100 slots of 10 ms are behind it, 25 of them in the past.
      expect(next.firstInMs).toBeLessThanOrEqual(750)
      expect(next.firstInMs).toBeGreaterThan(0)
    })

    test('a host that is asked too much does not hold up another', async () => {
      const { limiter } = await client(1)
      const { times } = taking(limiter)
      await until('the first slot', () => times.length > 0)
      const others = Array.from({ length: 50 }, (_, i) => limiter.acquire(`${i}.${host}`, NEVER))
      await Promise.all(others)
      expect(times.length).toBeLessThan(50)
    })

    test('who is aborted while waiting is let go, and the next in line is served', async () => {
      const { limiter } = await client(2)
      await limiter.acquire(host, NEVER)
      const reason = new Error('the worker ends')
      const controller = new AbortController()
      const aborted = [1, 2, 3].map(() => limiter.acquire(host, controller.signal))
      const patient = limiter.acquire(host, NEVER)
      controller.abort(reason)
      for (const each of aborted) await expect(each).rejects.toBe(reason)
      await expect(limiter.acquire(host, controller.signal)).rejects.toBe(reason)
      await patient
    })

    test('a pause refuses everybody at once, those included who had slots in reserve or wait for one, and a shorter one does not end it', async () => {
      const rate = 100
      const [one, two, three] = await Promise.all([client(rate), client(rate), client(rate)])
      const all = [one, two].map(({ limiter }) => taking(limiter))
      const slots = () => all.flatMap(({ times }) => times)
      await until('slots to be given', () => slots().length > rate)
      await three.limiter.pause(host, 3 * SECOND)
      const pausedAt = performance.now()
      await three.limiter.pause(host, 1)
      await expect(three.limiter.acquire(host, NEVER)).rejects.toSatisfy(
        error => error instanceof HostPause && error.ms > 2 * SECOND && error.ms <= 3 * SECOND,
      )
      const endsAt = pausedAt + 2.9 * SECOND
      await until('the others are refused', () => all.every(({ pauses }) => pauses.length > 0))
      await until('the pause is over', () => performance.now() > endsAt)
      // They learn of it within a tenth of a second; more only where the test's own process was held up.
      expect(slots().filter(at => at > pausedAt + SECOND && at < endsAt)).toEqual([])
      await until('slots to be given again', () => slots().some(at => at > endsAt))
    })

    test('slots that wait when the limiter is closed are refused, and later ones too', async () => {
      const { limiter } = await client(1)
      await limiter.acquire(host, NEVER)
      const waiting = limiter.acquire(host, NEVER)
      await limiter.close()
      await expect(waiting).rejects.toThrow('the rate limiter was closed')
      await expect(limiter.acquire(host, NEVER)).rejects.toThrow('the rate limiter was closed')
    })

    async function fourClients(rate: number) {
      const clients = await Promise.all([client(rate), client(rate), client(rate), client(rate)])
      const all = clients.map(({ limiter }) => taking(limiter))
      const slots = () => all.flatMap(({ times }) => times)
      await until('slots to be given', () => slots().length > rate)
      return { clients, slots }
    }

    if (kind.canBeAway())
      test('while the server is away nobody asks and nobody is refused; once it is back the rate holds', async () => {
        const rate = 50
        const { clients, slots } = await fourClients(rate)
        await server.kill!()
        const diedAt = performance.now()
        await until('all to see that it is away', () => clients.every(({ troubles }) => troubles.length > 0))
        const late = slots().filter(at => at > diedAt).length
        // What was reserved before its death: a tenth of a second's worth.
        expect(late).toBeLessThanOrEqual(rate * SHIFT)
        const seenAway = slots().length
        await passing(2 * SECOND)
        expect(slots().length).toBe(seenAway)
        await server.restart!()
        const backAt = performance.now()
        const since = () => slots().filter(at => at > backAt)
        await until('slots to be given again', () => since().length > 2 * rate)
        expect(since().length).toBeLessThanOrEqual(rate * ((performance.now() - backAt) / SECOND + SHIFT))
        for (const { troubles } of clients) expect(troubles.length).toBeLessThanOrEqual(2)
      })

    if (kind.name === 'Redis Sentinel')
      test('when another server takes over everybody goes on there, and the rate holds', async () => {
        const rate = 50
        const { clients, slots } = await fourClients(rate)
        await server.kill!()
        const diedAt = performance.now()
        await until('all to see that it is away', () => clients.every(({ troubles }) => troubles.length > 0))
        const since = () => slots().filter(at => at > diedAt)
        await until('slots of the other one', () => since().length > 2 * rate)
        expect(since().length).toBeLessThanOrEqual(rate * ((performance.now() - diedAt) / SECOND + SHIFT))
      })

    test('slots that the server no longer knows of do not count', async () => {
      const { gcra, close } = await openGcraStore(server.address)
      closers.push(close)
      const { epoch } = await gcra.reserve(host, 1, 1)
      expect(await gcra.isStillValid(host, epoch)).toBe(true)
      expect(await gcra.isStillValid(host, epoch - 1)).toBe(false)
      expect(await gcra.isStillValid(`other.${host}`, epoch)).toBe(false)
      await gcra.pause(host, 60 * SECOND)
      expect(await gcra.isStillValid(host, epoch)).toBe(false)
      const { pausedMs } = await gcra.reserve(host, 1, 1)
      expect(pausedMs).toBeGreaterThan(50 * SECOND)
      expect(pausedMs).toBeLessThanOrEqual(60 * SECOND)
    })
  })
}

/** For what is said of a stretch of time. */
async function passing(ms: number): Promise<void> {
  const endsAt = performance.now() + ms
  await until(`${ms} ms to pass`, () => performance.now() >= endsAt)
}
