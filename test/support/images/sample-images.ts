import { once } from 'node:events'
import { crc32, createDeflate, deflateSync } from 'node:zlib'
import sharp, { type Sharp } from 'sharp'

/** A smooth colour gradient: compresses well, and every pixel says where it is. */
export function gradient(width: number, height: number): Sharp {
  const data = Buffer.alloc(width * height * 3)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      data.set([(255 * x) / width, (255 * y) / height, (255 * (x + y)) / (width + height)], 3 * (y * width + x))
  return sharp(data, { raw: { width, height, channels: 3 } })
}

/** Pixels that do not compress, the same on every call. */
export function noise(width: number, height: number): Sharp {
  const data = Buffer.alloc(width * height * 3)
  let state = 1
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    data[i] = state >>> 24
  }
  return sharp(data, { raw: { width, height, channels: 3 } })
}

/** A JPEG with detail in it, so that cutting it anywhere cuts picture data. */
export async function jpegPhoto(width = 320, height = 240): Promise<Buffer> {
  return await noise(width, height).blur(1.5).jpeg({ quality: 80 }).toBuffer()
}

export function pngChunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const chunk = Buffer.alloc(body.length + 8)
  chunk.writeUInt32BE(data.length, 0)
  body.copy(chunk, 4)
  chunk.writeUInt32BE(crc32(body), body.length + 4)
  return chunk
}

/** @param more chunks between the header and the pixels */
function png(width: number, height: number, idat: Uint8Array, more: [type: string, data: Uint8Array][] = []): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  // One bit a pixel, grey.
  header.writeUInt8(1, 8)
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')
  const chunks = more.map(([type, data]) => pngChunk(type, data))
  const end = pngChunk('IEND', Buffer.alloc(0))
  return Buffer.concat([signature, pngChunk('IHDR', header), ...chunks, pngChunk('IDAT', idat), end])
}

/** A black PNG with further chunks in it. */
export function pngOf(width: number, height: number, more: [type: string, data: Uint8Array][]): Buffer {
  return png(width, height, deflateSync(Buffer.alloc(height * (1 + Math.ceil(width / 8)))), more)
}

/** A valid PNG of so many black pixels in a few hundred kilobytes at most. */
export async function pngBomb(width: number, height: number): Promise<Buffer> {
  const deflate = createDeflate({ level: 9 })
  const parts: Buffer[] = []
  deflate.on('data', part => parts.push(part))
  const row = Buffer.alloc(1 + Math.ceil(width / 8))
  for (let y = 0; y < height; y++) if (!deflate.write(row)) await once(deflate, 'drain')
  deflate.end()
  await once(deflate, 'end')
  return png(width, height, Buffer.concat(parts))
}

/** A PNG that says it has no pixels at all. */
export function emptyPng(): Buffer {
  return png(0, 0, deflateSync(Buffer.alloc(0)))
}

/** A JPEG whose header claims another size than its picture has. */
export function withClaimedSize(jpeg: Buffer, width: number, height: number): Buffer {
  const claimed = Buffer.from(jpeg)
  const frame = claimed.indexOf(Buffer.from([0xff, 0xc0]))
  claimed.writeUInt16BE(height, frame + 5)
  claimed.writeUInt16BE(width, frame + 7)
  return claimed
}

/** A GIF of one pixel that claims another size, for its canvas and for its only frame. */
export function gifOfSize(width: number, height: number): Buffer {
  const gif = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64')
  const frame = gif.indexOf(0x2c, 13 + 6)
  for (const at of [6, frame + 5]) {
    gif.writeUInt16LE(width, at)
    gif.writeUInt16LE(height, at + 2)
  }
  return gif
}

/** The first bytes of formats that are images, but are not decoded here. */
export const UNSUPPORTED = {
  svg: Buffer.from('<?xml version="1.0"?>\n<!-- a drawing -->\n<svg xmlns="http://www.w3.org/2000/svg"/>'),
  pdf: Buffer.from('%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj', 'latin1'),
  ico: Buffer.from('00000100010010100000010020006804000016000000', 'hex'),
  psd: Buffer.from('8BPS\0\x01\0\0\0\0\0\0', 'latin1'),
  jxl: Buffer.from('\0\0\0\x0cJXL \r\n\x87\n', 'latin1'),
} as const

/** A grey JPEG whose frame has a second component, a copy of the first, in a scan of its own. */
export async function twoComponentJpeg(width = 100, height = 80): Promise<Buffer> {
  const grey = await gradient(width, height).toColourspace('b-w').jpeg().toBuffer()
  const [frame, scan] = [grey.indexOf(Buffer.from([0xff, 0xc0])), grey.indexOf(Buffer.from([0xff, 0xda]))]
  const frameEnd = frame + 2 + grey.readUInt16BE(frame + 2)
  const component = grey.subarray(frameEnd - 3, frameEnd)
  const head = Buffer.concat([
    grey.subarray(0, frameEnd),
    Buffer.from([component[0]! + 1, component[1]!, component[2]!]),
  ])
  head.writeUInt16BE(grey.readUInt16BE(frame + 2) + 3, frame + 2)
  head[frame + 9] = 2
  const first = grey.subarray(frameEnd, -2)
  const second = Buffer.from(grey.subarray(scan, -2))
  second[5]! += 1
  return Buffer.concat([head, first, second, grey.subarray(-2)])
}

/** RGB and two extra channels, the first of which reads as alpha. */
export async function fiveChannelTiff(rgb: Sharp, extras: [number, number] = [0, 90]): Promise<Buffer> {
  const { data, info } = await rgb.clone().removeAlpha().raw().toBuffer({ resolveWithObject: true })
  const { width, height } = info
  const planes = extras.map(value => Buffer.alloc(width * height, value))
  return await sharp(data, { raw: { width, height, channels: 3 } })
    .joinChannel(planes, { raw: { width, height, channels: 1 } })
    .tiff({ compression: 'lzw' })
    .toBuffer()
}
