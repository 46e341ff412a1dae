import { deflateSync } from 'node:zlib'
import sharp from 'sharp'
import type { PhotoFailureCode } from '../../src/domain/errors.js'
import { gifOfSize, gradient, jpegPhoto, pngBomb, pngOf, withClaimedSize } from '../support/images/sample-images.js'

const MEBIBYTE = 1024 * 1024

export interface HostileImage {
  name: string
  bytes: Buffer
  /** What decoding has to come to. */
  expected: PhotoFailureCode | 'ok'
}

/** @param origin of a server that must not be asked for anything */
export async function hostileImages(origin: string): Promise<HostileImage[]> {
  const photo = await jpegPhoto()
  return [...drawings(origin), ...bombs(photo, await pngBomb(30_000, 30_000)), ...metadata(photo), ...(await frames())]
}

/** SVG behind the first bytes of formats that are decoded. */
function drawings(origin: string): HostileImage[] {
  const drawing = `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="300" height="300">
    <image href="${origin}/href.png" width="9" height="9"/><image xlink:href="${origin}/xlink.png" width="9" height="9"/>
    <image href="file:///etc/passwd" width="9" height="9"/><rect width="300" height="300" fill="red"/></svg>`
  const doctype = `<!DOCTYPE svg [<!ENTITY file SYSTEM "file:///etc/passwd">]>`
  const behind = (name: string, head: string, expected: PhotoFailureCode): HostileImage => ({
    name: `svg-${name}`,
    bytes: Buffer.from(head + drawing, 'latin1'),
    expected,
  })
  return [
    behind('plain', '', 'UNSUPPORTED_IMAGE'),
    behind('with-entity', doctype, 'UNSUPPORTED_IMAGE'),
    behind('as-avif', '<!--ftypavif <html> -->', 'NOT_AN_IMAGE'),
    behind('as-generic-heif', '<!--ftypmif1....avif -->', 'UNSUPPORTED_IMAGE'),
    behind('after-avif', '\0\0\0\x18ftypavif\0\0\0\0avifmif1', 'DECODE_FAILED'),
    behind('after-webp', 'RIFF1234WEBP', 'DECODE_FAILED'),
    behind('after-gif', 'GIF89a', 'DECODE_FAILED'),
    behind('after-tiff', 'II*\0', 'DECODE_FAILED'),
    behind('after-jpeg', '\xff\xd8\xff', 'DECODE_FAILED'),
    behind('after-png', '\x89PNG\r\n\x1a\n', 'DECODE_FAILED'),
  ]
}

function bombs(photo: Buffer, png: Buffer): HostileImage[] {
  return [
    { name: 'png-of-900-megapixels', bytes: png, expected: 'TOO_MANY_PIXELS' },
    {
      name: 'jpeg-that-claims-4-gigapixels',
      bytes: withClaimedSize(photo, 65_000, 65_000),
      expected: 'TOO_MANY_PIXELS',
    },
    // The scan ends in good order, only too early: what is missing is grey.
    { name: 'jpeg-that-claims-100-megapixels', bytes: withClaimedSize(photo, 10_000, 10_000), expected: 'ok' },
    { name: 'gif-that-claims-4-gigapixels', bytes: gifOfSize(65_535, 65_535), expected: 'TOO_MANY_PIXELS' },
    { name: 'tiff-that-claims-4-gigapixels', bytes: tiffOfSize(65_000, 65_000), expected: 'TOO_MANY_PIXELS' },
    { name: 'tiff-whose-directory-is-its-own-successor', bytes: tiffOfSize(64, 64, 8), expected: 'DECODE_FAILED' },
    { name: 'webp-that-claims-268-megapixels', bytes: webpOfSize(16_384, 16_384), expected: 'DECODE_FAILED' },
  ]
}

/** Sound pictures that carry what is larger than they are. */
function metadata(photo: Buffer): HostileImage[] {
  const segment = (marker: number, data: Uint8Array) => {
    const head = Buffer.from([0xff, marker, 0, 0])
    head.writeUInt16BE(data.length + 2, 2)
    return Buffer.concat([head, data])
  }
  const withSegments = (segments: Buffer[]) => Buffer.concat([photo.subarray(0, 2), ...segments, photo.subarray(2)])
  const exif = Buffer.concat([Buffer.from('Exif\0\0MM\0*\0\0\0\x08', 'latin1'), Buffer.alloc(65_000, 0xff)])
  const icc = (part: number, parts: number) =>
    segment(
      0xe2,
      Buffer.concat([Buffer.from('ICC_PROFILE\0', 'latin1'), Buffer.from([part, parts]), Buffer.alloc(65_000, 7)]),
    )
  const deflated = deflateSync(Buffer.alloc(64 * MEBIBYTE), { level: 9 })
  const keyed = (head: string) => Buffer.concat([Buffer.from(head, 'latin1'), deflated])
  return [
    { name: 'jpeg-with-600-exif-blocks', bytes: withSegments(Array(600).fill(segment(0xe1, exif))), expected: 'ok' },
    {
      name: 'jpeg-with-16-megabytes-of-profile',
      bytes: withSegments(Array.from({ length: 255 }, (_, i) => icc(i + 1, 255))),
      expected: 'ok',
    },
    { name: 'png-whose-profile-is-a-bomb', bytes: pngOf(64, 64, [['iCCP', keyed('icc\0\0')]]), expected: 'ok' },
    {
      name: 'png-with-100-texts-that-are-bombs',
      bytes: pngOf(64, 64, Array(100).fill(['zTXt', keyed('Comment\0\0')])),
      expected: 'ok',
    },
    {
      name: 'jpeg-with-a-page-behind-it',
      bytes: Buffer.concat([photo, Buffer.from('<script>alert(1)</script>')]),
      expected: 'ok',
    },
  ]
}

async function frames(): Promise<HostileImage[]> {
  const frame = await gradient(64, 48).raw().toBuffer()
  const pages = 1000
  const film = () =>
    sharp(Buffer.concat(Array(pages).fill(frame)), {
      raw: { width: 64, height: 48 * pages, channels: 3, pageHeight: 48 },
    })
  const progressive = await gradient(1000, 1000).jpeg({ progressive: true }).toBuffer()
  return [
    { name: 'gif-of-many-frames', bytes: manyGifFrames(50_000), expected: 'ok' },
    { name: 'webp-of-1000-frames', bytes: await film().webp({ effort: 0 }).toBuffer(), expected: 'ok' },
    { name: 'jpeg-of-20000-scans', bytes: repeatLastScan(progressive, 20_000), expected: 'DECODE_FAILED' },
  ]
}

function manyGifFrames(count: number): Buffer {
  const gif = gifOfSize(64, 64)
  const end = gif.length - 1
  const first = gif.indexOf(Buffer.from([0x21, 0xf9]))
  return Buffer.concat([gif.subarray(0, end), ...Array(count - 1).fill(gif.subarray(first, end)), gif.subarray(end)])
}

function repeatLastScan(jpeg: Buffer, times: number): Buffer {
  const scan = jpeg.lastIndexOf(Buffer.from([0xff, 0xda]))
  const end = jpeg.lastIndexOf(Buffer.from([0xff, 0xd9]))
  return Buffer.concat([jpeg.subarray(0, end), ...Array(times).fill(jpeg.subarray(scan, end)), jpeg.subarray(end)])
}

/** One strip of 8-bit grey that is not there. @param next offset of the next directory */
function tiffOfSize(width: number, height: number, next = 0): Buffer {
  const entries: [tag: number, type: 3 | 4, value: number][] = [
    [256, 4, width],
    [257, 4, height],
    [258, 3, 8],
    [259, 3, 1],
    [262, 3, 1],
    [273, 4, 8],
    [277, 3, 1],
    [278, 4, height],
    [279, 4, 16],
  ]
  const tiff = Buffer.alloc(8 + 2 + 12 * entries.length + 4)
  tiff.write('II*\0', 'latin1')
  tiff.writeUInt32LE(8, 4)
  tiff.writeUInt16LE(entries.length, 8)
  entries.forEach(([tag, type, value], i) => {
    const at = 10 + 12 * i
    tiff.writeUInt16LE(tag, at)
    tiff.writeUInt16LE(type, at + 2)
    tiff.writeUInt32LE(1, at + 4)
    tiff.writeUInt32LE(value, at + 8)
  })
  tiff.writeUInt32LE(next, tiff.length - 4)
  return tiff
}

/** A lossless WebP of which only the header is sound. */
function webpOfSize(width: number, height: number): Buffer {
  const webp = Buffer.alloc(64)
  webp.write('RIFF\0\0\0\0WEBPVP8L', 'latin1')
  webp.writeUInt32LE(webp.length - 8, 4)
  webp.writeUInt32LE(webp.length - 20, 16)
  webp[20] = 0x2f
  webp.writeUInt32LE(((width - 1) | ((height - 1) << 14)) >>> 0, 21)
  return webp
}
