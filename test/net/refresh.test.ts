import type { IncomingMessage, ServerResponse } from 'node:http'
import { describe, expect, test } from 'vitest'
import type { Validators } from '../../src/domain/places/photo-version.js'
import { validatorsOf } from '../../src/net/validators.js'
import { fetcher, serve } from '../support/fetching.js'

const DATE = 'Wed, 21 Oct 2026 07:28:00 GMT'
const LATER = 'Thu, 22 Oct 2026 07:28:00 GMT'
const ETAG = '"v1"'
const known: Validators = { etag: ETAG, lastModified: DATE, length: 4 }

type Respond = (request: IncomingMessage, response: ServerResponse) => void

/** A body that never ends: who reads it runs into the deadline. */
const endless =
  (headers: Record<string, string | number>): Respond =>
  (_request, response) => {
    response.writeHead(200, headers).write('x')
  }
const whole =
  (headers: Record<string, string | number>, body = 'same'): Respond =>
  (_request, response) => {
    response.writeHead(200, headers).end(body)
  }
/** Answers a plain request with a body, and one with conditions with a status. */
const whenAsked =
  (status: number, headers: Record<string, string> = {}): Respond =>
  (request, response) => {
    if (request.headers['if-none-match'] || request.headers['if-modified-since'])
      response.writeHead(status, headers).end()
    else response.end('body')
  }

describe('A request for what may have changed', () => {
  const ask = async (respond: Respond, about: Validators = known) => {
    const server = await serve(respond)
    const answer = await fetcher({ timeoutMs: 3000 }).getIfChanged(server.origin, about)
    return 'notModified' in answer ? 'not modified' : answer.body.toString()
  }

  test('names the known ETag and date, on redirects too', async () => {
    const seen: unknown[] = []
    const server = await serve((request, response) => {
      seen.push([request.url, request.headers['if-none-match'], request.headers['if-modified-since']])
      if (request.url === '/') response.writeHead(302, { location: '/image' }).end()
      else response.writeHead(304).end()
    })
    expect(await fetcher().getIfChanged(server.origin, known)).toMatchObject({ notModified: true })
    expect(seen).toEqual([
      ['/', ETAG, DATE],
      ['/image', ETAG, DATE],
    ])
  })

  test.each<[string, Validators, Respond, string]>([
    ['says so', known, whenAsked(304), 'not modified'],
    ['says so with a weak form of the ETag', known, whenAsked(304, { etag: `W/${ETAG}` }), 'not modified'],
    ['says so with an empty body of length 0', known, whenAsked(304, { 'content-length': '0' }), 'not modified'],
    ['ignores conditions and sends the ETag', known, endless({ etag: ETAG, 'content-length': 4 }), 'not modified'],
    ['ignores conditions and weakens the ETag', known, endless({ etag: `W/${ETAG}` }), 'not modified'],
    [
      'has no ETag, and sends the date and the length',
      { ...known, etag: null },
      endless({ 'last-modified': DATE, 'content-length': 4 }),
      'not modified',
    ],
    ['sends another ETag', known, whole({ etag: '"v2"' }), 'same'],
    [
      'sends one ETag for everything, and another length',
      known,
      whole({ etag: ETAG, 'content-length': 6 }, 'longer'),
      'longer',
    ],
    ['sends one ETag for everything, and another date', known, whole({ etag: ETAG, 'last-modified': LATER }), 'same'],
    ['sends the date and no length', { ...known, etag: null }, whole({ 'last-modified': DATE }), 'same'],
    ['sends only the length', { ...known, etag: null, lastModified: null }, whole({ 'content-length': 4 }), 'same'],
    ['says so, of another version', known, whenAsked(304, { etag: '"v2"' }), 'body'],
    ['refuses conditions', known, whenAsked(412), 'body'],
  ])('that %s', async (_what, about, respond, expected) => expect(await ask(respond, about)).toBe(expected))

  test('fails as any request does', async () => {
    await expect(ask(whenAsked(404))).rejects.toMatchObject({ code: 'HTTP_404' })
    const unasked: Respond = (_request, response) => void response.writeHead(304).end()
    await expect(ask(unasked, NOTHING)).rejects.toMatchObject({ code: 'HTTP_304' })
  })
})

const NOTHING: Validators = { etag: null, lastModified: null, length: null }

test('What cannot be sent back is no validator', () => {
  expect(validatorsOf({ etag: '*' })).toEqual(NOTHING)
  expect(validatorsOf({ etag: '"a b"', 'last-modified': 'yesterday' })).toEqual(NOTHING)
  expect(validatorsOf({ etag: `"${'x'.repeat(1000)}"`, 'content-length': '12x' })).toEqual(NOTHING)
  expect(validatorsOf({ etag: 'unquoted', 'content-length': '7', 'content-encoding': 'gzip' })).toEqual({
    ...NOTHING,
    etag: 'unquoted',
  })
})
