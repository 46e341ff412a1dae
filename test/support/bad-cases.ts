import type { RequestListener } from 'node:http'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import sharp from 'sharp'
import type { PhotoFailureCode } from '../../src/domain/errors.js'
import * as wire from './bad-answers.js'
import { file, firstThen, redirect, status } from './bad-answers.js'
import {
  emptyPng,
  gifOfSize,
  gradient,
  jpegPhoto,
  noise,
  pngBomb,
  UNSUPPORTED,
  withClaimedSize,
} from './sample-images.js'

export type Expected = PhotoFailureCode | 'ok'

/** How a case is served: by the common server, on the wire, by a server of its own, or not at all. */
export type Served =
  | { http: RequestListener }
  | { wire: wire.WireAnswer }
  | { ownServer: RequestListener }
  | { url: string }

export type Definition = [
  id: string,
  expected: Expected | [first: Expected, final: Expected],
  how: Served,
  what: string,
]

export interface Surroundings {
  /** A server that must not be reached: on the loopback address, but not on the allow-list. */
  forbiddenPort: number
  /** Nobody listens there, although it is on the allow-list. */
  deadPort: number
  maxBytes: number
}

const SECOND = 1000
const MEBIBYTE = 1024 * 1024

/** Every case of the corpus. */
export async function badCases(surroundings: Surroundings): Promise<Definition[]> {
  const photo = await jpegPhoto()
  return [
    ...(await soundImages(photo)),
    ...(await damagedImages(photo)),
    ...notImages(photo),
    ...(await bombs(photo)),
    ...bodies(photo, surroundings.maxBytes),
    ...connections(photo, surroundings.deadPort),
    ...statuses(photo),
    ...redirects(photo),
    ...forbidden(surroundings.forbiddenPort),
    ...notUrls(),
  ]
}

async function soundImages(photo: Buffer): Promise<Definition[]> {
  const small = gradient(64, 48)
  const cmyk = await small.clone().toColourspace('cmyk').jpeg().toBuffer()
  const upright = await small.clone().withMetadata({ orientation: 6 }).jpeg().toBuffer()
  const animated = await sharp([await small.clone().gif().toBuffer(), await small.clone().negate().gif().toBuffer()], {
    join: { animated: true },
  })
    .gif()
    .toBuffer()
  return [
    ['ok-jpeg', 'ok', { http: file(photo, 'image/jpeg') }, 'a JPEG'],
    ['ok-octet-stream', 'ok', { http: file(photo, 'binary/octet-stream') }, 'a JPEG that the server calls bytes'],
    ['ok-no-content-type', 'ok', { http: file(photo, null) }, 'a JPEG without content type'],
    ['ok-wrong-image-type', 'ok', { http: file(photo, 'IMAGE/PNG; q=1') }, 'a JPEG that is called a PNG'],
    ['ok-png', 'ok', { http: file(await small.clone().png().toBuffer(), 'image/png') }, 'a PNG'],
    ['ok-webp', 'ok', { http: file(await small.clone().webp().toBuffer(), 'image/webp') }, 'a WebP'],
    ['ok-avif', 'ok', { http: file(await small.clone().avif().toBuffer(), 'image/avif') }, 'an AVIF'],
    ['ok-cmyk', 'ok', { http: file(cmyk, 'image/jpeg') }, 'a CMYK JPEG'],
    ['ok-rotated', 'ok', { http: file(upright, 'image/jpeg') }, 'a JPEG with EXIF orientation'],
    ['ok-animated', 'ok', { http: file(animated, 'image/gif') }, 'an animated GIF'],
    ['ok-redirected', 'ok', { http: redirect('/ok-jpeg', 301) }, 'a redirect to a JPEG'],
    [
      'ok-gzipped',
      'ok',
      { http: file(gzipSync(photo), 'image/jpeg', { 'content-encoding': 'gzip' }) },
      'a JPEG, compressed although nobody asked for it',
    ],
    [
      'ok-trailing-bytes',
      'ok',
      { http: file(Buffer.concat([photo, Buffer.alloc(100)]), 'image/jpeg') },
      'zeros after it',
    ],
  ]
}

async function damagedImages(photo: Buffer): Promise<Definition[]> {
  const png = await noise(200, 150).png().toBuffer()
  const corrupt = Buffer.from(png).fill(0, png.length >> 1, (png.length >> 1) + 64)
  const webp = await noise(200, 150).webp().toBuffer()
  const avif = await noise(64, 64).avif({ effort: 0 }).toBuffer()
  const half = (bytes: Buffer) => bytes.subarray(0, bytes.length >> 1)
  const damaged = (bytes: Uint8Array, type = 'image/jpeg') => ({ http: file(bytes, type) })
  return [
    ['truncated-jpeg', 'DECODE_FAILED', damaged(half(photo)), 'half a JPEG, as it lies on the server'],
    ['truncated-png', 'DECODE_FAILED', damaged(half(png), 'image/png'), 'half a PNG'],
    ['truncated-webp', 'DECODE_FAILED', damaged(half(webp), 'image/webp'), 'half a WebP'],
    ['truncated-avif', 'DECODE_FAILED', damaged(half(avif), 'image/avif'), 'half an AVIF'],
    ['header-only-jpeg', 'DECODE_FAILED', damaged(photo.subarray(0, 20)), 'the first 20 bytes of a JPEG'],
    ['corrupt-png', 'DECODE_FAILED', damaged(corrupt, 'image/png'), 'a PNG with a hole in its data'],
    ['no-pixels-png', 'DECODE_FAILED', damaged(emptyPng(), 'image/png'), 'a PNG of 0×0 pixels'],
  ]
}

function notImages(photo: Buffer): Definition[] {
  const page = Buffer.from('<!doctype html><html><body>Not found, sorry. <svg></svg></body></html>')
  const unsupported = Object.entries(UNSUPPORTED).map(
    ([name, bytes]): Definition => [
      `unsupported-${name}`,
      'UNSUPPORTED_IMAGE',
      { http: file(bytes, `image/${name}`) },
      `a format that is not decoded: ${name}`,
    ],
  )
  return [
    ['zero-bytes', 'EMPTY_BODY', { http: file(Buffer.alloc(0), 'image/jpeg') }, 'an empty file'],
    ['html-as-jpeg', 'NOT_AN_IMAGE', { http: file(page, 'image/jpeg') }, 'a page that is called a JPEG'],
    ['html-page', 'NOT_AN_IMAGE', { http: file(page, 'text/html; charset=utf-8') }, 'a page'],
    ['image-as-html', 'NOT_AN_IMAGE', { http: file(photo, 'text/html') }, 'a JPEG that is called a page'],
    [
      'json-error',
      'NOT_AN_IMAGE',
      { http: file(Buffer.from('{"error":"gone"}'), 'application/json') },
      'JSON with status 200',
    ],
    [
      'text-as-octets',
      'NOT_AN_IMAGE',
      { http: file(Buffer.from('hello'), 'application/octet-stream') },
      'a text called bytes',
    ],
    ...unsupported,
  ]
}

async function bombs(photo: Buffer): Promise<Definition[]> {
  const gzipBomb = gzipSync(Buffer.alloc(64 * MEBIBYTE))
  const brotliBomb = brotliCompressSync(Buffer.alloc(8 * MEBIBYTE))
  return [
    [
      'png-bomb',
      'TOO_MANY_PIXELS',
      { http: file(await pngBomb(30_000, 30_000), 'image/png') },
      'a PNG of 30,000×30,000 pixels',
    ],
    [
      'jpeg-bomb',
      'TOO_MANY_PIXELS',
      { http: file(withClaimedSize(photo, 65_000, 65_000), 'image/jpeg') },
      'a JPEG that claims 65,000×65,000 pixels',
    ],
    [
      'gif-bomb',
      'TOO_MANY_PIXELS',
      { http: file(gifOfSize(65_535, 65_535), 'image/gif') },
      'a GIF that claims 65,535×65,535 pixels',
    ],
    [
      'gzip-bomb',
      'TOO_LARGE',
      { http: file(gzipBomb, 'image/jpeg', { 'content-encoding': 'gzip' }) },
      '64 MiB of zeros in 64 KiB of gzip',
    ],
    [
      'brotli-bomb',
      'TOO_LARGE',
      { http: file(brotliBomb, 'image/jpeg', { 'content-encoding': 'br' }) },
      '8 MiB of zeros in a few bytes of brotli',
    ],
  ]
}

function bodies(photo: Buffer, maxBytes: number): Definition[] {
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
    ['unknown-encoding', 'NOT_AN_IMAGE', { http: encoded(photo, 'rot13') }, 'a content encoding nobody knows'],
  ]
}

function connections(photo: Buffer, deadPort: number): Definition[] {
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

function statuses(photo: Buffer): Definition[] {
  const fine = file(photo, 'image/jpeg')
  const always = [400, 401, 403, 404, 410, 418, 451, 500, 503].map(
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

function redirects(photo: Buffer): Definition[] {
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
function forbidden(port: number): Definition[] {
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

function notUrls(): Definition[] {
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
