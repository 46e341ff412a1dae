import * as zlib from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { MEBIBYTE } from '../../src/domain/units.js'
import { fetcher, serve } from '../support/fetching.js'

const TEXT = Buffer.from('a body '.repeat(500))
const { gzipSync: gzip, deflateSync: deflate, deflateRawSync, brotliCompressSync: brotli } = zlib

async function fetched(body: Uint8Array, encoding: string | string[], maxBytes = MEBIBYTE): Promise<Buffer> {
  const server = await serve((_request, response) =>
    response.setHeader('content-encoding', encoding).writeHead(200, { 'content-length': body.length }).end(body),
  )
  return (await fetcher({ maxBytes }).get(server.origin)).body
}

describe('A Content-Encoding', () => {
  test.each<[string, Uint8Array, string | string[]]>([
    ['gzip', gzip(TEXT), 'gzip'],
    ['x-gzip, in upper case', gzip(TEXT), ' X-GZIP '],
    ['gzip in two members', Buffer.concat([gzip(TEXT.subarray(0, 100)), gzip(TEXT.subarray(100))]), 'gzip'],
    ['deflate with the header of zlib', deflate(TEXT), 'deflate'],
    ['deflate without', deflateRawSync(TEXT), 'deflate'],
    ['br', brotli(TEXT), 'br'],
    ['a chain', brotli(gzip(TEXT)), 'gzip, br'],
    ['a chain in two headers', brotli(gzip(TEXT)), ['gzip', 'br']],
    ['gzip twice', gzip(gzip(TEXT)), 'gzip, gzip'],
    ['as many as are undone', gzip(gzip(gzip(gzip(gzip(TEXT))))), 'gzip,gzip,gzip,gzip,gzip'],
    ['identity in a chain', gzip(TEXT), 'identity, gzip'],
    ['an unknown one in a chain', gzip(TEXT), 'aws-chunked, gzip'],
  ])('is undone: %s', async (_, body, encoding) => {
    expect((await fetched(body, encoding)).equals(TEXT)).toBe(true)
  })

  test.each(['aws-chunked', 'utf-8', 'none', 'identity', 'IDENTITY', '', ',', 'binary', 'image/jpeg', 'base64'])(
    'that encodes nothing is ignored: %j',
    async encoding => {
      expect((await fetched(TEXT, encoding)).equals(TEXT)).toBe(true)
    },
  )

  // Node 20 has no zstd.
  const zstd = (zlib as { zstdCompressSync?: (bytes: Buffer) => Buffer }).zstdCompressSync
  test('zstd is undone where Node can', async () => {
    const body = zstd === undefined ? TEXT : zstd(TEXT)
    expect((await fetched(body, 'zstd')).equals(TEXT)).toBe(true)
  })

  test.each<[string, Uint8Array, string, string]>([
    ['no gzip at all', TEXT, 'gzip', 'DECODE_FAILED'],
    ['damaged gzip', gzip(TEXT).fill(0xff, 10, 30), 'gzip', 'DECODE_FAILED'],
    ['a damaged inner stage', brotli(gzip(TEXT).fill(0xff, 10, 30)), 'gzip, br', 'DECODE_FAILED'],
    ['half of gzip', gzip(TEXT).subarray(0, 30), 'gzip', 'TRUNCATED_BODY'],
    ['half of br', brotli(TEXT).subarray(0, 10), 'br', 'TRUNCATED_BODY'],
    ['nothing, compressed', gzip(Buffer.alloc(0)), 'gzip', 'EMPTY_BODY'],
    ['more encodings than are undone', gzip(TEXT), 'gzip,gzip,gzip,gzip,gzip,gzip', 'NOT_AN_IMAGE'],
  ])('fails with a code: %s', async (_, body, encoding, code) => {
    await expect(fetched(body, encoding)).rejects.toMatchObject({ code })
  })

  test.each([
    ['gzip', gzip(TEXT)],
    ['br', brotli(TEXT)],
  ])('says what was expected and found of a %s body that is cut', async (name, body) => {
    await expect(fetched(body.subarray(0, 10), name)).rejects.toThrow(
      `expected a complete ${name} body, found 10 bytes that end in the middle of it`,
    )
  })

  test.each<[string, Uint8Array, string]>([
    ['at its only stage', gzip(Buffer.alloc(MEBIBYTE + 1)), 'gzip'],
    ['at its first stage', gzip(gzip(Buffer.alloc(MEBIBYTE), { level: 0 })), 'gzip, gzip'],
    ['at its last stage', gzip(gzip(Buffer.alloc(64 * MEBIBYTE))), 'gzip, gzip'],
    ['with brotli', brotli(Buffer.alloc(64 * MEBIBYTE)), 'br'],
  ])('stops a bomb %s', async (_, body, encoding) => {
    await expect(fetched(body, encoding)).rejects.toMatchObject({ code: 'TOO_LARGE' })
  })

  test('fills the limit exactly', async () => {
    expect(await fetched(gzip(Buffer.alloc(MEBIBYTE)), 'gzip')).toHaveLength(MEBIBYTE)
  })
})
