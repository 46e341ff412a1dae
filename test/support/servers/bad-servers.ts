import { gzipSync } from 'node:zlib'
import type { Definition } from '../images/bad-case.js'
import * as wire from './bad-answers.js'
import { file, firstThen, redirect, status } from './bad-answers.js'

const SECOND = 1000

export function bodies(photo: Buffer, maxBytes: number): Definition[] {
  const gzip = gzipSync(photo)
  const encoded = (bytes: Uint8Array, encoding: string) => file(bytes, 'image/jpeg', { 'content-encoding': encoding })
  return [
    ['endless-body', 'TOO_LARGE', { wire: wire.endlessBody }, 'a chunked body without end'],
    [
      'large-file',
      'TOO_LARGE',
      { http: file(Buffer.alloc(maxBytes + 1), 'image/jpeg') },
      'a file of one byte too many',
    ],
    ['announced-large', 'TOO_LARGE', { wire: wire.announcing(10 ** 12, photo) }, 'a terabyte announced'],
    ['slow-drip', 'TIMEOUT', { wire: wire.drippingBody(photo) }, 'a body at one byte every 20 ms'],
    [
      'content-length-too-large',
      'TRUNCATED_BODY',
      { wire: wire.announcing(photo.length + 100, photo) },
      'more bytes announced than sent',
    ],
    [
      'content-length-too-small',
      'DECODE_FAILED',
      { wire: wire.announcing(photo.length >> 1, photo) },
      'fewer bytes announced than sent',
    ],
    ['damaged-gzip', 'DECODE_FAILED', { http: encoded(photo, 'gzip') }, 'a body that is not the gzip it is called'],
    [
      'truncated-gzip',
      'TRUNCATED_BODY',
      { http: encoded(gzip.subarray(0, gzip.length >> 1), 'gzip') },
      'half a gzip stream',
    ],
    ...['rot13', 'aws-chunked', 'utf-8', 'none', 'Identity', 'aws-chunked, utf-8'].map(
      (name): Definition => [
        `encoding-${name.replaceAll(/\W+/g, '-')}`,
        'ok',
        { http: encoded(photo, name) },
        `an image as it is, called ${name}`,
      ],
    ),
    ['gzip-gzip', 'ok', { http: encoded(gzipSync(gzip), 'gzip, gzip') }, 'a body that was compressed twice'],
    [
      'aws-chunked-gzip',
      'ok',
      { http: encoded(gzip, 'aws-chunked,GZIP') },
      'a compressed body with an unknown encoding',
    ],
  ]
}

export function connections(photo: Buffer, deadPort: number): Definition[] {
  const half = photo.subarray(0, photo.length >> 1)
  return [
    ['silence', 'TIMEOUT', { wire: wire.silence }, 'a server that takes the request and says nothing'],
    ['silence-after-head', 'TIMEOUT', { wire: wire.silenceAfterHead }, 'headers, then nothing'],
    ['slow-head', 'TIMEOUT', { wire: wire.drippingHead }, 'headers at one line every 20 ms'],
    ['endless-head', 'CONNECTION_FAILED', { wire: wire.endlessHead }, 'a megabyte of headers'],
    ['reset', 'CONNECTION_FAILED', { wire: wire.reset }, 'a connection that is reset'],
    ['reset-in-body', 'TRUNCATED_BODY', { wire: wire.resetAfter(half) }, 'a connection that is reset half-way'],
    ['chunked-closed-early', 'CONNECTION_FAILED', { wire: wire.chunkedClosedEarly }, 'a chunk that never ends'],
    ['closed', 'CONNECTION_FAILED', { wire: wire.closed }, 'a connection that is closed without an answer'],
    ['not-http', 'CONNECTION_FAILED', { wire: wire.notHttp }, 'an answer in another protocol'],
    ['refused', 'CONNECTION_FAILED', { url: `http://127.0.0.1:${deadPort}/x.jpg` }, 'a port where nobody listens'],
    ['no-such-host', 'DNS_FAILED', { url: `http://${'a'.repeat(64)}.test/x.jpg` }, 'a name that no resolver takes'],
  ]
}

export function statuses(photo: Buffer): Definition[] {
  const fine = file(photo, 'image/jpeg')
  const always = [400, 401, 403, 404, 410, 418, 451, 500, 501, 503, 509, 530].map(
    (code): Definition => [`status-${code}`, `HTTP_${code}`, { http: status(code) }, `always answers ${code}`],
  )
  const once = (code: number, headers?: Record<string, string>) => firstThen(1, status(code, headers), fine)
  const soon = () => new Date(Date.now() + SECOND).toUTCString()
  return [
    ...always,
    ['500-once', ['HTTP_500', 'ok'], { http: once(500) }, 'answers 500 once, then the image'],
    [
      '429-always',
      'HTTP_429',
      { ownServer: status(429, { 'retry-after': '1' }) },
      'always answers 429, Retry-After: 1',
    ],
    [
      '429-once',
      ['HTTP_429', 'ok'],
      { ownServer: once(429, { 'retry-after': '1' }) },
      'answers 429, Retry-After: 1, then the image',
    ],
    [
      '503-until-a-date',
      ['HTTP_503', 'ok'],
      { ownServer: once(503, { 'retry-after': soon() }) },
      'answers 503, Retry-After: a date, then the image',
    ],
  ]
}

export function redirects(photo: Buffer): Definition[] {
  return [
    ['redirect-loop', 'TOO_MANY_REDIRECTS', { http: redirect('/redirect-loop') }, 'a redirect to itself'],
    ['redirect-chain-1', 'TOO_MANY_REDIRECTS', { http: redirect('/redirect-chain-2', 307) }, 'one redirect too many'],
    ['redirect-chain-2', 'ok', { http: redirect('/redirect-chain-3', 308) }, 'as many redirects as are followed'],
    ['redirect-chain-3', 'ok', { http: redirect('/redirect-chain-4', 303) }, 'two redirects'],
    ['redirect-chain-4', 'ok', { http: redirect('/ok-jpeg') }, 'one redirect'],
    ['redirect-nowhere', 'BAD_REDIRECT', { http: status(302) }, 'a redirect without Location'],
    ['redirect-garbage', 'BAD_REDIRECT', { http: redirect('http://[') }, 'a redirect to what is not a URL'],
    ['redirect-file', 'BAD_REDIRECT', { http: redirect('file:///etc/passwd') }, 'a redirect to a file'],
    [
      'redirect-credentials',
      'BAD_REDIRECT',
      { http: redirect('http://me:secret@127.0.0.1/') },
      'a redirect with a password in it',
    ],
    [
      'not-a-redirect',
      'HTTP_304',
      { http: (_request, response) => response.writeHead(304).end() },
      'not modified, without having asked',
    ],
    [
      'redirect-with-body',
      'ok',
      { http: (_request, response) => response.writeHead(302, { location: '/ok-jpeg' }).end(photo) },
      'a redirect with a body',
    ],
  ]
}

/** Addresses that are nobody's business, in every spelling: given directly and as the target of a redirect. */
export function forbidden(port: number): Definition[] {
  const hosts: [string, string][] = [
    ['loopback', `127.0.0.1:${port}`],
    ['loopback-v6', `[::1]:${port}`],
    ['loopback-mapped', `[::ffff:127.0.0.1]:${port}`],
    ['loopback-mapped-hex', `[::ffff:7f00:1]:${port}`],
    ['loopback-nat64', `[64:ff9b::127.0.0.1]:${port}`],
    ['loopback-decimal', `2130706433:${port}`],
    ['loopback-octal', `0177.0.0.1:${port}`],
    ['loopback-hex', `0x7f.1:${port}`],
    ['loopback-name', `localhost:${port}`],
    ['loopback-other', `127.8.8.8:${port}`],
    ['unspecified', `0.0.0.0:${port}`],
    ['link-local', '169.254.169.254'],
    ['link-local-v6', '[fe80::1]'],
    ['private-10', '10.0.0.1'],
    ['private-172', '172.16.0.1'],
    ['private-192', '192.168.0.1'],
    ['carrier-grade', '100.64.0.1'],
    ['unique-local', '[fd00::1]'],
    ['multicast', '224.0.0.1'],
  ]
  return hosts.flatMap(([name, host]): Definition[] => [
    [`forbidden-${name}`, 'HOST_FORBIDDEN', { url: `http://${host}/secret.jpg` }, `the URL leads to ${host}`],
    [`redirect-${name}`, 'HOST_FORBIDDEN', { http: redirect(`http://${host}/secret.jpg`) }, `a redirect to ${host}`],
  ])
}

export function notUrls(): Definition[] {
  return [
    ['not-a-url', 'INVALID_URL', { url: 'a photo of a dog' }, 'not a URL'],
    ['ftp', 'INVALID_URL', { url: 'ftp://127.0.0.1/x.jpg' }, 'another protocol'],
    ['credentials', 'INVALID_URL', { url: 'http://me:secret@127.0.0.1/x.jpg' }, 'a password in the URL'],
    [
      'forbidden-file',
      'FOLDER_FORBIDDEN',
      { url: 'file:///etc/hostname' },
      'a file outside the folders that may be read',
    ],
  ]
}
