import { describe, expect, test } from 'vitest'
import { isRetryable, PhotoError } from '../../src/domain/errors.js'
import { fetcher, serve } from '../support/fetching.js'

/** The bytes of a text, one UTF-16 unit per byte, as Node sends headers. */
const raw = (text: string, encoding: BufferEncoding) => Buffer.from(text, encoding).toString('latin1')

describe('A redirect leads where browsers go', () => {
  test.each([
    ['raw UTF-8', raw('/fotö/über.jpg?q=ä', 'utf8'), '/fot%C3%B6/%C3%BCber.jpg?q=%C3%A4'],
    ['raw UTF-8 of four bytes', raw('/🌲.jpg', 'utf8'), '/%F0%9F%8C%B2.jpg'],
    ['raw Latin-1', raw('/fotö.jpg', 'latin1'), '/fot%F6.jpg'],
    ['what is encoded already', '/fot%C3%B6%20%2f.jpg', '/fot%C3%B6%20%2f.jpg'],
    ['spaces', '/a b.jpg ', '/a%20b.jpg'],
    ['a fragment', '/a.jpg#part', '/a.jpg'],
    ['a query alone', '?page=2', '/start?page=2'],
    ['a relative path', 'b/../c.jpg', '/c.jpg'],
    ['backslashes', '\\b\\c.jpg', '/b/c.jpg'],
    ['a percent sign alone', '/100%.jpg', '/100%.jpg'],
  ])('%s', async (_, location, path) => {
    const asked: (string | undefined)[] = []
    const server = await serve((request, response) => {
      asked.push(request.url)
      if (asked.length === 1) response.writeHead(302, { location }).end()
      else response.end('fine')
    })
    await fetcher().get(`${server.origin}/start`)
    expect(asked).toEqual(['/start', path])
  })

  test('to another host, without its protocol', async () => {
    const other = await serve((request, response) => response.end(request.url))
    const server = await serve((_request, response) =>
      response.writeHead(301, { location: `//${new URL(other.origin).host}/there` }).end(),
    )
    expect((await fetcher().get(server.origin)).body.toString()).toBe('/there')
  })

  test('to a host whose name is raw UTF-8', async () => {
    const server = await serve((request, response) => response.end(request.headers.host))
    const { port } = new URL(server.origin)
    const start = await serve((_request, response) =>
      response.writeHead(301, { location: raw(`http://fotö.test:${port}/`, 'utf8') }).end(),
    )
    const asked: string[] = []
    const resolving = fetcher({
      isPublic: () => true,
      resolve: async name => {
        asked.push(name)
        return [{ address: '127.0.0.1', family: 4 }]
      },
    })
    expect((await resolving.get(start.origin)).body.toString()).toBe(`xn--fot-una.test:${port}`)
    expect(asked).toEqual(['xn--fot-una.test'])
  })

  test('but not to a name that no DNS has', async () => {
    const server = await serve((_request, response) =>
      response.writeHead(301, { location: `http://${'x'.repeat(300)}.example/` }).end(),
    )
    await expect(fetcher().get(server.origin)).rejects.toMatchObject({ code: 'BAD_REDIRECT' })
  })
})

describe('A status', () => {
  test.each([408, 420, 425, 429, 430, 499, 500, 502, 503, 504, 507, 509, 520, 523, 526, 527, 529, 530, 598, 599])(
    '%i passes',
    async status => {
      const server = await serve((_request, response) => response.writeHead(status).end())
      const failure = await fetcher()
        .get(server.origin)
        .catch(error => error)
      expect(failure).toBeInstanceOf(PhotoError)
      expect([failure.code, failure.retryable]).toEqual([`HTTP_${status}`, true])
    },
  )

  test.each([400, 401, 403, 404, 410, 418, 451, 501, 505, 508, 600, 999])('%i stays', status => {
    expect(isRetryable(`HTTP_${status}`)).toBe(false)
  })

  test.each([429, 503, 509, 529])('%i with Retry-After makes the host wait', async status => {
    const server = await serve((_request, response) => response.writeHead(status, { 'retry-after': '7' }).end())
    await expect(fetcher().get(server.origin)).rejects.toMatchObject({ retryAfterMs: 7000 })
  })
})
