import diagnostics from 'node:diagnostics_channel'
import type { RequestListener } from 'node:http'
import type { Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ResolvedAddress } from '../../src/net/address-guard.js'
import { fetcher, ok, serve } from '../support/fetching.js'
import { until } from '../support/until.js'

/** Stands for an address of the public internet, which no test may reach; every other one is judged as private. */
const PUBLIC = '127.0.0.1'
const PRIVATE = '127.0.0.2'
const isPublic = (ip: string) => ip === PUBLIC

/** A resolver that gives one answer after the other, as a hostile name server does, and counts how often it was asked. */
function rebinding(...answers: string[][]) {
  const asked: string[] = []
  const resolve = async (hostname: string): Promise<ResolvedAddress[]> => {
    const answer = answers[Math.min(asked.push(hostname), answers.length) - 1]!
    return answer.map(address => ({ address, family: 4 }))
  }
  return { asked, resolve }
}

/** Servers with one port, one at the "public" address and one at the private one, and who was asked for what. */
async function twoFaces(listener: RequestListener) {
  const reached: string[] = []
  const noting: RequestListener = (request, response) => {
    reached.push(`${request.socket.localAddress}${request.url}`)
    listener(request, response)
  }
  const shown = await serve(noting, PUBLIC)
  const hidden = await serve(noting, PRIVATE, shown.port)
  return { port: shown.port, reached, hidden }
}

const closing: RequestListener = (_request, response) => response.writeHead(200, { connection: 'close' }).end('fine')

/** Where sockets went, as they see it themselves. */
const connected: (string | undefined)[] = []
const onConnected = (message: unknown) => connected.push((message as { socket: Socket }).socket.remoteAddress)
beforeEach(() => {
  connected.length = 0
  diagnostics.subscribe('undici:client:connected', onConnected)
})
afterEach(() => void diagnostics.unsubscribe('undici:client:connected', onConnected))

describe('DNS rebinding: the address that was checked is the address that is connected to', () => {
  test('when the name is public first and private afterwards', async () => {
    const { port, reached, hidden } = await twoFaces(closing)
    const { asked, resolve } = rebinding([PUBLIC], [PRIVATE])
    const guarded = fetcher({ allowHosts: [], resolve, isPublic })
    const url = `http://rebinding.example:${port}/`
    expect((await guarded.get(url)).body.toString()).toBe('fine')
    expect(asked).toHaveLength(1)
    await expect(guarded.get(url)).rejects.toMatchObject({ code: 'HOST_FORBIDDEN' })
    expect(asked).toHaveLength(2)
    expect(reached).toEqual([`${PUBLIC}/`])
    expect(connected).toEqual([PUBLIC])
    expect(hidden.connections()).toBe(0)
  })

  test('when the name is private first and public afterwards', async () => {
    const { port, reached } = await twoFaces(closing)
    const { asked, resolve } = rebinding([PRIVATE], [PUBLIC])
    const guarded = fetcher({ allowHosts: [], resolve, isPublic })
    const url = `http://rebinding.example:${port}/`
    await expect(guarded.get(url)).rejects.toMatchObject({ code: 'HOST_FORBIDDEN' })
    expect(reached).toEqual([])
    expect((await guarded.get(url)).body.toString()).toBe('fine')
    expect(asked).toHaveLength(2)
    expect(connected).toEqual([PUBLIC])
  })

  test.each([
    [PUBLIC, PRIVATE],
    [PRIVATE, PUBLIC],
  ])('when one answer holds both kinds: %s, %s', async (...answer) => {
    const { port, reached } = await twoFaces(closing)
    const { resolve } = rebinding(answer)
    const guarded = fetcher({ allowHosts: [], resolve, isPublic })
    await expect(guarded.get(`http://rebinding.example:${port}/`)).rejects.toMatchObject({ code: 'HOST_FORBIDDEN' })
    expect(reached).toEqual([])
    expect(connected).toEqual([])
  })

  test('when the answer changes between a request and the redirect that it answers with', async () => {
    const { port, reached } = await twoFaces((request, response) => {
      if (request.url === '/start') response.writeHead(302, { location: '/secret', connection: 'close' }).end()
      else response.end('fine')
    })
    const { asked, resolve } = rebinding([PUBLIC], [PRIVATE])
    const guarded = fetcher({ allowHosts: [], resolve, isPublic })
    await expect(guarded.get(`http://rebinding.example:${port}/start`)).rejects.toMatchObject({
      code: 'HOST_FORBIDDEN',
    })
    expect(asked).toHaveLength(2)
    expect(reached).toEqual([`${PUBLIC}/start`])
    expect(connected).toEqual([PUBLIC])
  })

  test('when a connection is kept alive: it stays where it was, whatever the name says by now', async () => {
    const { port, reached } = await twoFaces(ok)
    const { resolve } = rebinding([PUBLIC], [PRIVATE])
    const guarded = fetcher({ allowHosts: [], resolve, isPublic })
    const url = `http://rebinding.example:${port}/`
    await guarded.get(url)
    // A request that comes before the first connection is idle opens another one, and is refused by the new answer.
    await until('the connection to be used again', async () => {
      await guarded.get(url).catch(error => expect(error).toMatchObject({ code: 'HOST_FORBIDDEN' }))
      return reached.length > 3
    })
    expect(connected).toEqual([PUBLIC])
    expect(new Set(reached)).toEqual(new Set([`${PUBLIC}/`]))
  })

  test('once for every connection, however many are opened at once', async () => {
    const { port } = await twoFaces((_request, response) => {
      setTimeout(() => response.end('fine'), 50)
    })
    const { asked, resolve } = rebinding([PUBLIC])
    const guarded = fetcher({ allowHosts: [], resolve, isPublic })
    await Promise.all(Array.from({ length: 8 }, (_, i) => guarded.get(`http://rebinding.example:${port}/${i}`)))
    expect(connected.length).toBeGreaterThan(1)
    expect(asked).toHaveLength(connected.length)
    expect(new Set(connected)).toEqual(new Set([PUBLIC]))
  })
})

describe('A pooled connection serves the name it was opened for, and no other', () => {
  test('also when two names have the same address', async () => {
    const seen: { host: string | undefined; port: number | undefined }[] = []
    const server = await serve((request, response) => {
      seen.push({ host: request.headers.host, port: request.socket.remotePort })
      response.end('fine')
    })
    const resolve = async () => [{ address: PUBLIC, family: 4 }]
    const guarded = fetcher({ allowHosts: [], resolve, isPublic })
    const names = ['one.example', 'two.example']
    for (let i = 0; i < 6; i++) await guarded.get(`http://${names[i % 2]}:${server.port}/`)
    const portsOf = (name: string) => new Set(seen.filter(({ host }) => host?.startsWith(name)).map(({ port }) => port))
    const [one, two] = names.map(portsOf)
    expect([...one!].filter(port => two!.has(port))).toEqual([])
    expect(connected).toHaveLength(one!.size + two!.size)
  })

  test('a connection of an allowed host is not used for a name that is not allowed', async () => {
    const { port, reached } = await twoFaces(ok)
    const resolve = async () => [{ address: PRIVATE, family: 4 }]
    const guarded = fetcher({ allowHosts: ['inside.example'], resolve, isPublic })
    await guarded.get(`http://inside.example:${port}/allowed`)
    await expect(guarded.get(`http://outside.example:${port}/forbidden`)).rejects.toMatchObject({
      code: 'HOST_FORBIDDEN',
    })
    expect(reached).toEqual([`${PRIVATE}/allowed`])
  })
})

describe('--allow-host never widens redirects to other hosts', () => {
  /** A server of one's own that is allowed, and redirects to wherever it is told. */
  async function allowedThatRedirectsTo(location: string) {
    const server = await serve((_request, response) => response.writeHead(302, { location }).end())
    return { server, get: (allowHosts = [server.host]) => fetcher({ allowHosts }).get(server.origin) }
  }

  async function neverAsked(address = PUBLIC, port?: number) {
    let requests = 0
    const server = await serve(
      (_request, response) => {
        requests++
        response.end('secret')
      },
      address,
      port,
    )
    return { server, asked: () => requests + server.connections() }
  }

  test('to another private address', async () => {
    const other = await neverAsked(PRIVATE)
    const { get } = await allowedThatRedirectsTo(other.server.origin)
    await expect(get()).rejects.toMatchObject({ code: 'HOST_FORBIDDEN', retryable: false })
    expect(other.asked()).toBe(0)
  })

  test('to another port of the same address', async () => {
    const other = await neverAsked()
    const { get } = await allowedThatRedirectsTo(other.server.origin)
    await expect(get()).rejects.toMatchObject({ code: 'HOST_FORBIDDEN' })
    expect(other.asked()).toBe(0)
  })

  test('to the same server under another name', async () => {
    let asked = 0
    const server = await serve((request, response) => {
      asked++
      response.writeHead(302, { location: `http://localhost:${request.socket.localPort}/` }).end()
    })
    await expect(fetcher({ allowHosts: [server.host] }).get(server.origin)).rejects.toMatchObject({
      code: 'HOST_FORBIDDEN',
    })
    expect(asked).toBe(1)
  })

  test.each(['http://2130706434:%d/', 'http://0x7f.2:%d/', 'http://[::ffff:127.0.0.2]:%d/', '//127.0.0.2:%d/'])(
    'to another private address in disguise: %s',
    async disguise => {
      const other = await neverAsked(PRIVATE)
      const { get } = await allowedThatRedirectsTo(disguise.replace('%d', String(other.server.port)))
      await expect(get()).rejects.toMatchObject({ code: 'HOST_FORBIDDEN' })
      expect(other.asked()).toBe(0)
    },
  )

  test('to where clouds keep credentials', async () => {
    const { get } = await allowedThatRedirectsTo('http://169.254.169.254/latest/meta-data/')
    await expect(get()).rejects.toMatchObject({ code: 'HOST_FORBIDDEN' })
  })

  test('to a file', async () => {
    const { get } = await allowedThatRedirectsTo('file:///etc/passwd')
    await expect(get()).rejects.toMatchObject({ code: 'BAD_REDIRECT' })
  })

  test('by a second redirect, after one that stays where it may', async () => {
    const other = await neverAsked(PRIVATE)
    const server = await serve((request, response) => {
      const location = request.url === '/' ? '/second' : other.server.origin
      response.writeHead(302, { location }).end()
    })
    await expect(fetcher({ allowHosts: [server.host] }).get(server.origin)).rejects.toMatchObject({
      code: 'HOST_FORBIDDEN',
    })
    expect(other.asked()).toBe(0)
  })

  test('but follows one to a host that is allowed itself', async () => {
    const other = await serve(ok)
    const { server, get } = await allowedThatRedirectsTo(other.origin)
    expect((await get([server.host, other.host])).body.toString()).toBe('fine')
  })
})
