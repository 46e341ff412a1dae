import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { optOut } from '../../src/net/opt-out.js'
import { type DownloadOptions, download } from '../../src/workers/stages/download.js'
import { fetcher, serve } from '../support/fetching.js'
import { jpegPhoto } from '../support/images/sample-images.js'
import { until } from '../support/until.js'

const NOW = Date.parse('2026-10-21T07:28:00Z')
const robots = (value: string | string[]) => optOut({ 'x-robots-tag': value }, 'unsplash-clip', NOW)
const DIRECTIVES = ['noai', 'noimageai', 'noindex', 'noimageindex', 'none']

describe('X-Robots-Tag opts out', () => {
  test.each([
    ...DIRECTIVES,
    'NoAI',
    ' noai ',
    'all, noai',
    'nofollow,noimageindex',
    'nofollow , , noai',
    'unsplash-clip: noai',
    'Unsplash-Clip : nofollow, noai',
    'unsplash-clip/2.0: noai',
    '*: noai',
    'googlebot: nofollow, unsplash-clip: noai',
    'noai, googlebot: nofollow',
    'max-image-preview: large, noai',
    'max-snippet:20, noindex',
    'unavailable_after: 25 Jun 2010 15:00:00 PST',
    'unavailable_after: Wed, 25 Jun 2025 15:00:00 GMT',
    'Unavailable_After: 2026-10-21',
    'unsplash-clip: unavailable_after: Friday, 25-Jun-10 15:00:00 PST, nofollow',
    'unavailable_after: Thu, 25 Jun 2099 15:00:00 GMT, noai',
  ])('by %j', value => expect(robots(value)).toMatch(/^X-Robots-Tag: /))

  test('by any of several headers', () => {
    expect(robots(['googlebot: noindex', 'noai'])).toBe('X-Robots-Tag: noai')
  })

  test('by every directive, whatever harmless ones stand around it and whoever else is named before', () => {
    const harmless = fc.constantFrom('all', 'nofollow', 'noarchive', 'max-snippet: 20', '', ' ', 'NoTranslate')
    const name = fc.constantFrom('', 'unsplash-clip: ', '*: ', 'googlebot: nofollow, unsplash-clip:')
    fc.assert(
      fc.property(
        name,
        fc.array(harmless),
        fc.constantFrom(...DIRECTIVES),
        fc.array(harmless),
        fc.boolean(),
        (to, before, directive, after, shouted) => {
          const word = shouted ? directive.toUpperCase() : directive
          expect(robots(`${to}${[...before, word, ...after].join(', ')}`)).toBe(`X-Robots-Tag: ${word}`)
        },
      ),
    )
  })
})

describe('X-Robots-Tag does not opt out', () => {
  test.each([
    '',
    'all',
    'index, follow',
    'nofollow',
    'noarchive, nosnippet',
    'noainoindex',
    'googlebot: noindex, noai',
    'unsplash-clipper: noai',
    'not-unsplash-clip: noai',
    'unsplash-clip: nofollow, otherbot: noai',
    'max-image-preview: none',
    'unavailable_after: Thu, 25 Jun 2099 15:00:00 GMT',
    'googlebot: unavailable_after: Wed, 25 Jun 2025 15:00:00 GMT',
    'unavailable_after: never',
    'unavailable_after:',
    ':',
    ',,,',
  ])('by %j', value => expect(robots(value)).toBeNull())

  test('when there is none', () => expect(optOut({}, 'unsplash-clip', NOW)).toBeNull())

  test('by what it says to another robot, whatever that is', () => {
    const other = fc.stringMatching(/^[a-z][a-z-]{0,20}$/).filter(name => name !== 'unsplash-clip')
    fc.assert(
      fc.property(other, fc.array(fc.constantFrom(...DIRECTIVES, 'nofollow')), (name, said) => {
        expect(robots(`${name}: ${said.join(', ')}`)).toBeNull()
      }),
    )
  })

  test('and never fails, whatever a server sends', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), value => {
        expect(() => robots(value)).not.toThrow()
      }),
    )
  })
})

test.each([
  ['1', 'TDM-Reservation: 1'],
  [' 1 ', 'TDM-Reservation: 1'],
  ['0', null],
  ['2', null],
  ['true', null],
  ['', null],
])('TDM-Reservation: %s opts out: %s', (value, expected) => {
  expect(optOut({ 'tdm-reservation': value }, 'unsplash-clip', NOW)).toBe(expected)
})

describe('An image whose server opts out', () => {
  const options = (more: Partial<DownloadOptions> = {}): DownloadOptions => ({
    fetcher: fetcher(),
    allowFolders: [],
    maxBytes: 1024 * 1024,
    ...more,
  })

  test.each([
    ['x-robots-tag', 'noai'],
    ['x-robots-tag', ['googlebot: nofollow', 'noimageindex']],
    ['tdm-reservation', '1'],
  ])('by %s: %s fails for good, before its body is read', async (name, value) => {
    const server = await serve((_request, response) => {
      // The body never comes: whoever waited for it would run into the deadline.
      response.writeHead(200, { 'content-type': 'image/jpeg', 'content-length': 1000, [name]: value }).flushHeaders()
    })
    await expect(download({ url: server.origin }, options())).rejects.toMatchObject({
      code: 'OPTED_OUT',
      retryable: false,
      message: expect.stringMatching(/X-Robots-Tag: noai|X-Robots-Tag: noimageindex|TDM-Reservation: 1/),
    })
    await until('the connection to end', () => server.connections() === 0, 5000)
  })

  test('on a redirect is not followed to where it leads', async () => {
    let followed = 0
    const server = await serve((request, response) => {
      if (request.url === '/image') followed++
      response.writeHead(302, { location: '/image', 'x-robots-tag': 'noindex' }).end()
    })
    await expect(download({ url: server.origin }, options())).rejects.toMatchObject({ code: 'OPTED_OUT' })
    expect(followed).toBe(0)
  })

  test('at the end of redirects is refused as well', async () => {
    const server = await serve((request, response) => {
      if (request.url === '/image') response.writeHead(200, { 'x-robots-tag': 'unsplash-clip: noai' }).end('x')
      else response.writeHead(302, { location: '/image', 'x-robots-tag': 'googlebot: noindex' }).end()
    })
    await expect(download({ url: server.origin }, options())).rejects.toMatchObject({ code: 'OPTED_OUT' })
  })

  test('is what its status says when it is none: a page that is missing has not opted out', async () => {
    const server = await serve((_request, response) => response.writeHead(404, { 'x-robots-tag': 'noindex' }).end())
    await expect(download({ url: server.origin }, options())).rejects.toMatchObject({ code: 'HTTP_404' })
  })

  test('is taken where that is ignored, and where it opts out for another robot', async () => {
    const image = await jpegPhoto()
    const server = await serve((request, response) => {
      const tag = request.url === '/everybody' ? 'noai' : 'otherbot: noai'
      response.writeHead(200, { 'content-type': 'image/jpeg', 'x-robots-tag': tag }).end(image)
    })
    const { image: taken } = await download({ url: `${server.origin}/everybody` }, options({ ignoreOptOut: true }))
    expect(taken).toEqual(image)
    expect((await download({ url: `${server.origin}/other` }, options())).image).toEqual(image)
  })
})
