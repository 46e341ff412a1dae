import { createHash } from 'node:crypto'
import type { RequestListener } from 'node:http'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import type { PhotoError } from '../../src/domain/errors.js'
import { fetcher, serve } from '../support/fetching.js'
import { freePort } from '../support/servers/free-port.js'
import { until } from '../support/until.js'

const MEBIBYTE = 1024 * 1024
const BODY = Buffer.alloc(20_000, 'x')
const HOST_CONCURRENCY = 8

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Bytes that are in use once everything that can be freed is. */
function bytesInUse(): number {
  for (let i = 0; i < 3; i++) collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

const openSockets = () => process.getActiveResourcesInfo().filter(name => name === 'TCPSocketWrap').length

/** Every way in which a server can be out of order, by the number of the request; every fourth answer is right. */
const flapping: RequestListener = (request, response) => {
  const number = Number(request.url!.slice(1))
  // Which trouble comes when looks like chance, and is the same in every run.
  const [chance] = createHash('sha1').update(String(number)).digest()
  switch (number % 4 === 0 ? 'fine' : ['reset', 'early', '500', '503', 'half', 'hang', 'moved'][chance! % 20]) {
    case 'reset':
      return response.socket?.resetAndDestroy()
    case 'early':
      return response.socket?.destroy()
    case 'half':
      response.writeHead(200, { 'content-length': BODY.length }).write(BODY.subarray(0, 1000))
      return void setImmediate(() => response.socket?.resetAndDestroy())
    case 'hang':
      return void (chance! % 2 === 0 ? response.writeHead(200).write('x') : undefined)
    case 'moved':
      return void response.writeHead(302, { location: `/${number * 4}` }).end()
    case '503':
      return void response.writeHead(503).end(BODY)
    case '500':
      return void response.writeHead(500).end('broken')
    default:
      return void response.end(BODY)
  }
}

describe('Thousands of requests to servers that are out of order', () => {
  test('leave no socket open and no memory in use', async () => {
    const server = await serve(flapping)
    const nobody = `http://127.0.0.1:${await freePort()}`
    const flapper = fetcher({ hostConcurrency: HOST_CONCURRENCY, timeoutMs: 300 })
    const outcomes = new Map<string, number>()
    let mostConnections = 0
    let mostSockets = 0
    let next = 0

    async function ask(until: number): Promise<void> {
      while (next < until) {
        const number = next++
        const outcome = await flapper
          .get(number % 50 === 1 ? nobody : `${server.origin}/${number}`)
          .then(({ body }) => `${body.length} bytes`)
          .catch((error: PhotoError) => error.code)
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
        mostConnections = Math.max(mostConnections, server.connections())
        mostSockets = Math.max(mostSockets, openSockets())
      }
    }
    const askMany = (until: number) => Promise.all(Array.from({ length: 16 }, () => ask(until)))

    const socketsBefore = openSockets()
    await askMany(1500)
    const bytesBefore = bytesInUse()
    await askMany(6000)
    const grownBy = bytesInUse() - bytesBefore

    // Each kind of trouble was there.
    expect([...outcomes.keys()]).toEqual(
      expect.arrayContaining(['CONNECTION_FAILED', 'TRUNCATED_BODY', 'HTTP_500', 'HTTP_503', 'TIMEOUT', '20000 bytes']),
    )
    expect([...outcomes.values()].reduce((sum, count) => sum + count)).toBe(6000)
    // Those that were just broken off may still be there while the next are opened; each is counted at both its ends.
    expect(mostConnections).toBeLessThanOrEqual(4 * HOST_CONCURRENCY)
    expect(mostSockets - socketsBefore).toBeLessThanOrEqual(8 * HOST_CONCURRENCY)
    expect(grownBy).toBeLessThan(4 * MEBIBYTE)

    await flapper.close()
    await until('every socket to be closed', () => openSockets() <= socketsBefore && server.connections() === 0)
  })

  test('leave nothing behind of hosts that were asked once', async () => {
    const server = await serve((_request, response) => response.writeHead(200, { connection: 'close' }).end('fine'))
    const crawler = fetcher({
      allowHosts: [],
      resolve: async () => [{ address: '127.0.0.1', family: 4 }],
      isPublic: () => true,
    })
    const ask = async (from: number, to: number) => {
      let next = from
      const lane = async () => {
        while (next < to) await crawler.get(`http://host-${next++}.example:${server.port}/`)
      }
      await Promise.all(Array.from({ length: 16 }, lane))
    }
    const socketsBefore = openSockets()
    await ask(0, 2000)
    const bytesBefore = bytesInUse()
    await ask(2000, 5000)
    // A connection pool a host would be some 10 KiB each.
    expect(bytesInUse() - bytesBefore).toBeLessThan(8 * MEBIBYTE)
    await until('every socket to be closed', () => openSockets() <= socketsBefore)
  })
})
