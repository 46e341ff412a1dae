import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { decoder, decoding } from '../../src/images/libvips.js'
import { gradient } from '../support/images/sample-images.js'
import { startHttp, type TestServer } from '../support/servers/http-server.js'
import { type HostileImage, hostileImages } from './hostile-images.js'

/** Largest image, as 4 bytes a pixel, and what Node and libvips take before they have seen any. */
const MOST_MEMORY = 4 * 120_000_000 + 300 * 1024 * 1024

let folder: string
let images: HostileImage[]
let server: TestServer
let requests = 0
let result: { outcomes: Record<string, string>; peakBytes: number }

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'unsplash-clip-images-'))
  server = await startHttp((_request, response) => {
    requests++
    response.end()
  })
  images = await hostileImages(server.origin)
  for (const name of ['in', 'out']) mkdirSync(join(folder, name))
  for (const { name, bytes } of images) writeFileSync(join(folder, 'in', name), bytes)
  const script = resolve('test/security/decode-images.mjs')
  const { stdout } = await promisify(execFile)(process.execPath, [script, join(folder, 'in'), join(folder, 'out')])
  result = JSON.parse(stdout)
})
afterAll(async () => {
  await server?.close()
  rmSync(folder, { recursive: true })
})

test('every hostile image comes to what it should, and the process lives', () => {
  expect(result.outcomes).toEqual(Object.fromEntries(images.map(({ name, expected }) => [name, expected])))
})

test('no image makes the process ask a server, nor hold more than the largest image that is decoded', () => {
  expect(requests).toBe(0)
  expect(result.peakBytes).toBeLessThan(MOST_MEMORY)
})

test('a stored copy holds the picture and nothing else that came with it', async () => {
  const copies = readdirSync(join(folder, 'out'))
  expect(copies.length).toBeGreaterThan(5)
  for (const name of copies) {
    const copy = readFileSync(join(folder, 'out', name))
    const { exif, icc, xmp, iptc, format } = await sharp(copy).metadata()
    expect({ exif, icc, xmp, iptc, format }).toEqual({ format: 'jpeg' })
    expect(copy.includes('<script')).toBe(false)
  }
})

test('libvips itself refuses formats that no photo has, whatever asks it', async () => {
  const drawing = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
  await expect(sharp(drawing).metadata()).rejects.toThrow(/unsupported|blocked/i)
  await expect(sharp('package.json').metadata()).rejects.toThrow()
})

test('decoding ends when it takes too long', async () => {
  const photo = await gradient(3000, 3000).jpeg().toBuffer()
  const slow = decoder(photo, { maxPixels: 10_000_000, timeoutSeconds: 1 }).resize(9000).blur(200).jpeg()
  await expect(decoding(slow.toBuffer())).rejects.toMatchObject({
    code: 'DECODE_FAILED',
    message: expect.stringContaining('timeout'),
  })
})
