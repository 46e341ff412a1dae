import { brotliCompressSync, gzipSync } from 'node:zlib'
import sharp from 'sharp'
import { file, redirect } from '../servers/bad-answers.js'
import type { Definition } from './bad-case.js'
import { emptyPng, gifOfSize, gradient, noise, pngBomb, UNSUPPORTED, withClaimedSize } from './sample-images.js'

const MEBIBYTE = 1024 * 1024

export async function soundImages(photo: Buffer): Promise<Definition[]> {
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

export async function damagedImages(photo: Buffer): Promise<Definition[]> {
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

export function notImages(photo: Buffer): Definition[] {
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
    ['image-as-html', 'ok', { http: file(photo, 'text/html') }, 'a JPEG that is called a page'],
    ['long-page', 'NOT_AN_IMAGE', { http: file(Buffer.concat([page, Buffer.alloc(3000, 32)]), null) }, 'a long page'],
    ...['image', 'application/jpeg', 'text/plain', 'multipart/form-data; boundary=x', 'image/png', ''].map(
      (type): Definition => [
        `image-as-${type.replaceAll(/\W+/g, '-') || 'nothing'}`,
        'ok',
        { http: file(photo, type) },
        `a JPEG that is called ${JSON.stringify(type)}`,
      ],
    ),
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

export async function bombs(photo: Buffer): Promise<Definition[]> {
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
