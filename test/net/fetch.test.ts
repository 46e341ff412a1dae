import type { IncomingMessage, RequestListener } from 'node:http'
import { describe, expect, test } from 'vitest'
import { PhotoError } from '../../src/domain/errors.js'
import type { ResolvedAddress } from '../../src/net/address-guard.js'
import { fetcher, ok, serve } from '../support/fetching.js'
import { until } from '../support/until.js'

const at = (...addresses: string[]) => addresses.map((address): ResolvedAddress => ({ address, family: 4 }))

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

  test('can be refused by the start of its body, before the rest is sent', async () => {
    const server = await serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'image/jpeg' }).write('<html>'.padEnd(1024))
    })
    const refusal = new PhotoError('NOT_AN_IMAGE', 'a page')
    const starts: Buffer[] = []
    const onStart = (start: Buffer) => {
      starts.push(start)
      throw refusal
    }
    await expect(fetcher().get(server.origin, { onStart })).rejects.toBe(refusal)
    expect(starts.map(String)).toEqual(['<html>'.padEnd(1024)])
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
    const server = await serve(() => {})
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
      setTimeout(() => response.end('fine'), 500)
    })
    const one = fetcher({ timeoutMs: 1500, concurrency: 1 })
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
