import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PhotoError } from '../../src/domain/errors.js'
import { applyUrlTemplate } from '../../src/domain/places/url-template.js'
import { GuardedFetcher } from '../../src/net/fetch.js'
import { startTcp, type TestServer } from '../support/servers/http-server.js'

const requests: string[] = []
let server: TestServer
let fetcher: GuardedFetcher

beforeAll(async () => {
  server = await startTcp(socket => {
    socket.on('data', data => {
      requests.push(data.toString('latin1'))
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nfine')
    })
  })
  fetcher = new GuardedFetcher({
    timeoutMs: 5000,
    maxBytes: 1000,
    maxRedirects: 0,
    concurrency: 8,
    hostConcurrency: 8,
    allowHosts: [server.host],
    userAgent: 'unsplash-clip/test',
  })
})
afterAll(async () => {
  await fetcher.close()
  await server.close()
})

/** Asks for a URL and gives the head of the request as it came over the wire; null when it was refused before. */
async function ask(url: string): Promise<string[] | null> {
  requests.length = 0
  try {
    await fetcher.get(url)
  } catch (error) {
    if (!(error instanceof PhotoError)) throw error
    expect(requests).toEqual([])
    return null
  }
  expect(requests).toHaveLength(1)
  return requests[0]!.split('\r\n\r\n')[0]!.split('\r\n')
}

test.each([
  '/a\r\nX-Injected: 1',
  '/a%0d%0aX-Injected:%201',
  '/a HTTP/1.1\r\nHost: other\r\n\r\nGET /b',
  '/a\u0000b',
  '/\u560d\u560aX-Injected: 1',
  '/?q=\r\nX-Injected: 1',
  '/#\r\nX-Injected: 1',
  '\\@other.example/',
  '/%',
])('The URL http://HOST%j is one request with the headers of every other', async path => {
  const plain = (await ask(`${server.origin}/plain`))!
  const head = await ask(`${server.origin}${path}`)
  expect(head).not.toBeNull()
  expect(head![0]).toMatch(/^GET \/[!-~]* HTTP\/1\.1$/)
  expect(head!.slice(1)).toEqual(plain.slice(1))
})

test('Whatever is in a URL, the request is one line and the headers are ours', async () => {
  const plain = (await ask(`${server.origin}/plain`))!
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary' }), async path => {
      const head = await ask(`${server.origin}/${path}`)
      expect(head).not.toBeNull()
      expect(head![0]).toMatch(/^GET \/[!-~]* HTTP\/1\.1$/)
      expect(head!.slice(1)).toEqual(plain.slice(1))
    }),
    { numRuns: 100 },
  )
})

test('No host in a URL is reached by another spelling than the one that is allowed', async () => {
  const host = fc.oneof(
    fc.constantFrom('localhost', '127.1', '0', '[::1]', '[::ffff:127.0.0.1]', '0x7f000001', '2130706433', '127.0.0.2'),
    fc.tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 255 })).map(([a, b]) => `10.${a}.${b}.1`),
    fc.string({ maxLength: 12 }),
  )
  await fc.assert(
    fc.asyncProperty(host, async text => {
      const url = `http://${text}:${server.port}/`
      const isAllowed = URL.canParse(url) && new URL(url).host === server.host
      // A name that only a real resolver could answer is none of this test's business.
      if (URL.canParse(url) && /[a-z]/i.test(new URL(url).hostname) && !text.startsWith('[') && text !== 'localhost')
        return
      const head = await ask(url)
      expect(head !== null).toBe(isAllowed)
    }),
    { numRuns: 200 },
  )
})

test('A template never lets the URL of a photo name another host than the template does', () => {
  fc.assert(
    fc.property(fc.webUrl({ withQueryParameters: true, withFragments: true }), imageUrl => {
      const url = applyUrlTemplate('https://mirror.example/resize?w=1&url={image_url}&id={photo_id}', {
        photoId: 'abc-_1',
        imageUrl,
      })
      const { host, searchParams } = new URL(url)
      expect(host).toBe('mirror.example')
      expect([...searchParams.keys()]).toEqual(['w', 'url', 'id'])
      expect(searchParams.get('url')).toBe(imageUrl)
    }),
  )
})
