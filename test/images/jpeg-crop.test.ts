import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import sharp, { type Sharp } from 'sharp'
import { afterAll, describe, expect, test } from 'vitest'
import { clipInput } from '../../src/domain/image-input.js'
import { type CropThreads, decode } from '../../src/images/decode.js'
import { type CropRequest, type DecodedJpeg, decodeJpegCrop } from '../../src/images/jpeg-crop.js'
import { JpegThreads } from '../../src/images/jpeg-threads.js'
import { resample } from '../../src/images/resample.js'
import { jpegPhoto, noise } from '../support/images/sample-images.js'

interface Size {
  width: number
  height: number
}

/** A square of the image as it is, which decodes it and nothing else: every weight is 0 or 1. */
function asItIs({ width, height }: Size, left = 0, top = 0, size = Math.min(width, height)): CropRequest {
  return { sourceRegion: { left: 0, top: 0, width, height }, width, height, left, top, size, kernel: 'bicubic' }
}

/** What libjpeg decodes, by libvips. */
const decoded = (jpeg: Buffer) => sharp(jpeg, { failOn: 'error' }).raw().toBuffer({ resolveWithObject: true })

const squareOf = (jpeg: Buffer, wanted: CropRequest) => decodeJpegCrop(jpeg, wanted)?.square

function largestDifference(a: Uint8Array, b: Uint8Array): number {
  expect(a.length).toBe(b.length)
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i]!)), 0)
}

function meanDifference(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((sum, value, i) => sum + Math.abs(value - b[i]!), 0) / a.length
}

const restartMarkers = readFileSync(new URL('restart-markers.jpg', import.meta.url))
/**
 * Edges as sharp as they get, in colours as strong as they get: what comes of them leaves the range of 8 bits on the
 * way.
 */
const hard = (width: number, height: number) =>
  noise(width, height).threshold(128, { grayscale: false }).modulate({ saturation: 4 })

describe('Decodes as libjpeg does, bit for bit', () => {
  test.each<[string, (width: number, height: number) => Sharp]>([
    ['noise', noise],
    ['smooth pictures', (width, height) => noise(width, height).blur(3)],
    ['hard edges', hard],
  ])('%s of any size and quality', async (_, make) => {
    const edge = fc.integer({ min: 8, max: 90 })
    const quality = fc.integer({ min: 1, max: 100 })
    await fc.assert(
      fc.asyncProperty(edge, edge, quality, fc.boolean(), fc.nat(), async (width, height, quality, optimise, seed) => {
        const jpeg = await make(width, height)
          .jpeg({ quality, optimiseCoding: optimise, chromaSubsampling: '4:2:0' })
          .toBuffer()
        const size = 1 + (seed % Math.min(width, height))
        const [left, top] = [seed % (width - size + 1), seed % (height - size + 1)]
        const { data } = await sharp(jpeg).extract({ left, top, width: size, height: size }).raw().toBuffer({
          resolveWithObject: true,
        })
        expect(squareOf(jpeg, asItIs({ width, height }, left, top, size))).toEqual(new Uint8Array(data))
      }),
      { numRuns: 60 },
    )
  })

  test('files with restart markers', async () => {
    const { data, info } = await decoded(restartMarkers)
    const size = Math.min(info.width, info.height)
    const { data: square } = await sharp(restartMarkers)
      .extract({ left: 0, top: 0, width: size, height: size })
      .raw()
      .toBuffer({ resolveWithObject: true })
    expect(data.length).toBe(info.width * info.height * 3)
    expect(squareOf(restartMarkers, asItIs(info))).toEqual(new Uint8Array(square))
  })

  test.each<[string, (width: number, height: number) => Sharp]>([
    ['noise', noise],
    ['smooth pictures', (width, height) => noise(width, height).blur(3)],
    ['hard edges', hard],
  ])('%s at half the size', async (_, make) => {
    const edge = fc.integer({ min: 2, max: 20 }).map(sixths => sixths * 6)
    const quality = fc.integer({ min: 1, max: 100 })
    await fc.assert(
      fc.asyncProperty(edge, edge, quality, fc.nat(), async (width, height, quality, seed) => {
        const jpeg = await make(width, height).jpeg({ quality }).toBuffer()
        // Shrinking by 3, sharp decodes at a half, and of three pixels in a row takes the first and the last.
        const third = { width: width / 3, height: height / 3 }
        const { data } = await sharp(jpeg)
          .resize({ ...third, fit: 'fill', kernel: 'nearest' })
          .raw()
          .toBuffer({ resolveWithObject: true })
        const half = { width: width / 2, height: height / 2 }
        const size = 1 + (seed % Math.min(half.width, half.height))
        const [left, top] = [seed % (half.width - size + 1), seed % (half.height - size + 1)]
        const wanted = { ...asItIs({ width, height }, left, top, size), ...half, scale: 2 as const, preview: half }
        const decoded = decodeJpegCrop(jpeg, wanted)!
        const at = (x: number, y: number) => 3 * (y * half.width + x)
        const samples = Array.from({ length: third.width * third.height }, (_, i) => {
          const [x, y] = [i % third.width, Math.floor(i / third.width)].map(place => Math.floor(place * 1.5 + 0.75))
          return [...decoded.preview!.subarray(at(x!, y!), at(x!, y!) + 3)]
        })
        expect(samples.flat()).toEqual([...data])
        const rows = Array.from({ length: size }, (_, y) => [
          ...decoded.preview!.subarray(at(left, top + y), at(left + size, top + y)),
        ])
        expect([...decoded.square]).toEqual(rows.flat())
      }),
      { numRuns: 60 },
    )
  })
})

describe('Resizes as Pillow does, to 2/255', () => {
  test.each(['bicubic', 'bilinear'] as const)('to any size, %s', async kernel => {
    const edge = (most: number) => fc.integer({ min: 8, max: most })
    await fc.assert(
      fc.asyncProperty(edge(700), edge(700), edge(300), edge(300), fc.nat(), async (w, h, width, height, seed) => {
        const jpeg = await noise(w, h).blur(1).jpeg({ quality: 90 }).toBuffer()
        const { data, info } = await decoded(jpeg)
        const size = 1 + (seed % Math.min(width, height))
        const window = { width, height, left: seed % (width - size + 1), top: seed % (height - size + 1), size }
        const sourceRegion = { left: 0, top: 0, width: w, height: h }
        const square = squareOf(jpeg, { sourceRegion, ...window, kernel })
        const expected = resample({ data, width: info.width, height: info.height, channels: 3 }, window, kernel)
        expect(largestDifference(square!, expected)).toBeLessThanOrEqual(2)
      }),
      { numRuns: 40 },
    )
  })

  test('a part of an image', async () => {
    const jpeg = await noise(400, 301).blur(1).jpeg({ quality: 90 }).toBuffer()
    const sourceRegion = { left: 37, top: 51, width: 301, height: 211 }
    const window = { width: 160, height: 112, left: 11, top: 0, size: 112 }
    const { data } = await sharp(jpeg).extract(sourceRegion).raw().toBuffer({ resolveWithObject: true })
    const expected = resample(
      { data, width: sourceRegion.width, height: sourceRegion.height, channels: 3 },
      window,
      'bicubic',
    )
    expect(
      largestDifference(squareOf(jpeg, { sourceRegion, ...window, kernel: 'bicubic' })!, expected),
    ).toBeLessThanOrEqual(2)
  })

  test('an image of 30 megapixels', async () => {
    const [width, height] = [6000, 5000]
    const jpeg = await noise(600, 500).resize(width, height).jpeg({ quality: 80 }).toBuffer()
    const { data } = await decoded(jpeg)
    const window = { width: 269, height: 224, left: 22, top: 0, size: 224 }
    const expected = resample({ data, width, height, channels: 3 }, window, 'bicubic')
    const sourceRegion = { left: 0, top: 0, width, height }
    expect(
      largestDifference(squareOf(jpeg, { sourceRegion, ...window, kernel: 'bicubic' })!, expected),
    ).toBeLessThanOrEqual(2)
  })
})

describe('The preview beside the square', () => {
  const pixelsOf = async (jpeg: Buffer) => {
    const { data, info } = await decoded(jpeg)
    return { data, width: info.width, height: info.height, channels: 3 as const }
  }
  /** Pillow's arithmetic, of all of an image: the rows of the square that holds it. */
  const resized = (image: Parameters<typeof resample>[0], { width, height }: Size) =>
    new Uint8Array(
      Array.from({ length: height }, (_, top) =>
        Array.from({ length: width }, (_, left) => [
          ...resample(image, { width, height, left, top, size: 1 }, 'bicubic'),
        ]).flat(),
      ).flat(),
    )

  test.each([
    [300, 200, 60, 40],
    [201, 333, 77, 128],
    [640, 48, 213, 16],
  ])('of %d × %d pixels is all of it, at %d × %d', async (width, height, w, h) => {
    const jpeg = await noise(width, height).blur(1).jpeg({ quality: 90 }).toBuffer()
    const wanted = asItIs({ width, height }, 3, 2, 40)
    const preview = { width: w, height: h }
    const made = decodeJpegCrop(jpeg, { ...wanted, preview })!
    expect(made.square).toEqual(squareOf(jpeg, wanted))
    expect(largestDifference(made.preview!, resized(await pixelsOf(jpeg), preview))).toBeLessThanOrEqual(2)
  })

  test('is not made where it is not asked for', async () => {
    const jpeg = await noise(64, 48).jpeg().toBuffer()
    expect(decodeJpegCrop(jpeg, asItIs({ width: 64, height: 48 }))).not.toHaveProperty('preview')
  })
})

describe('Decoded at half the size', () => {
  test.each([
    [2400, 1800],
    [2401, 1801],
    [2413, 1799],
    [1807, 2402],
  ])('%d × %d pixels stay where they are', async (width, height) => {
    const jpeg = await noise(width, height).blur(1.5).jpeg({ quality: 90 }).toBuffer()
    const shrink = Math.min(width, height) / 200
    const target = { width: Math.floor(width / shrink), height: Math.floor(height / shrink) }
    const wanted = { ...asItIs({ width, height }, 0, 0, 200), ...target, preview: target }
    const [full, half] = [decodeJpegCrop(jpeg, wanted)!, decodeJpegCrop(jpeg, { ...wanted, scale: 2 })!]
    expect(meanDifference(full.square, half.square)).toBeLessThan(0.3)
    expect(largestDifference(full.square, half.square)).toBeLessThanOrEqual(6)
    expect(meanDifference(full.preview!, half.preview!)).toBeLessThan(0.3)
    expect(largestDifference(full.preview!, half.preview!)).toBeLessThanOrEqual(6)
  })

  test('with restart markers', async () => {
    const wanted = { ...asItIs({ width: 64, height: 64 }, 0, 0, 8), width: 8, height: 8 }
    const [full, half] = [squareOf(restartMarkers, wanted)!, squareOf(restartMarkers, { ...wanted, scale: 2 })!]
    expect(largestDifference(full, half)).toBeLessThanOrEqual(6)
  })
})

describe('Leaves to libvips', () => {
  const size = { width: 64, height: 48 }
  const picture = () => noise(64, 48).blur(1)
  const sound = () => jpegPhoto(64, 48)
  const at = (jpeg: Buffer, marker: number) => jpeg.indexOf(Buffer.from([0xff, marker]))
  const segment = (marker: number, body: number[]) =>
    Buffer.from([0xff, marker, (body.length + 2) >> 8, (body.length + 2) & 0xff, ...body])

  test.each<[string, () => Promise<Buffer> | Buffer]>([
    ['progressive JPEG', () => picture().jpeg({ progressive: true }).toBuffer()],
    ['colour at full size', () => picture().jpeg({ chromaSubsampling: '4:4:4' }).toBuffer()],
    ['grey', () => picture().toColourspace('b-w').jpeg().toBuffer()],
    ['CMYK', () => picture().toColourspace('cmyk').jpeg().toBuffer()],
    ['PNG', () => picture().png().toBuffer()],
    ['nothing', () => Buffer.alloc(0)],
    ['two bytes', () => Buffer.from([0xff, 0xd8])],
    [
      'RGB, as Adobe’s marker says',
      async () => {
        const jpeg = await sound()
        const adobe = segment(0xee, [...Buffer.from('Adobe'), 0, 100, 0, 0, 0, 0, 0])
        // JFIF would say that it is YCbCr.
        const body = jpeg.subarray(at(jpeg, 0xdb))
        return Buffer.concat([jpeg.subarray(0, 2), adobe, body])
      },
    ],
    [
      'a JFIF header that libjpeg finds too short, and component numbers that say RGB',
      async () => {
        const jpeg = await sound()
        for (const [marker, first, step] of [
          [0xc0, 10, 3],
          [0xda, 5, 2],
        ] as const)
          for (const [i, id] of [...Buffer.from('RGB')].entries()) jpeg[at(jpeg, marker) + first + i * step] = id
        return Buffer.concat([
          jpeg.subarray(0, 2),
          segment(0xe0, [...Buffer.from('JFIF\0')]),
          jpeg.subarray(at(jpeg, 0xdb)),
        ])
      },
    ],
  ])('%s', async (_, make) => {
    expect(decodeJpegCrop(await make(), asItIs(size))).toBeNull()
  })

  test('a part that is not in the image', async () => {
    expect(decodeJpegCrop(await sound(), asItIs({ width: 65, height: 48 }))).toBeNull()
    expect(decodeJpegCrop(await sound(), asItIs({ width: 64, height: 49 }))).toBeNull()
  })

  test('a file that ends too early, wherever', async () => {
    const jpeg = await sound()
    for (let length = 0; length < jpeg.length; length++)
      for (const scale of [1, 2] as const) {
        const wanted = { ...asItIs(size, 0, 0, 24), width: 32, height: 24, scale }
        expect(decodeJpegCrop(jpeg.subarray(0, length), wanted), `${length} of ${jpeg.length} bytes`).toBeNull()
      }
    expect(decodeJpegCrop(Buffer.concat([jpeg, Buffer.from('what follows the picture')]), asItIs(size))).not.toBeNull()
  })

  test('a file whose restart markers are not in order', () => {
    const jpeg = Buffer.from(restartMarkers)
    const first = jpeg.indexOf(Buffer.from([0xff, 0xd0]))
    const second = jpeg.indexOf(Buffer.from([0xff, 0xd1]), first)
    expect(second).toBeGreaterThan(first)
    jpeg[first + 1] = 0xd1
    expect(decodeJpegCrop(jpeg, asItIs({ width: 64, height: 64 }, 0, 0, 8))).toBeNull()
  })
})

test('A Huffman code of ones only is refused, also if no data use it: libjpeg refuses it', async () => {
  const sound = await noise(64, 48).jpeg({ optimiseCoding: false }).toBuffer()
  const table = sound.indexOf(Buffer.from([0xff, 0xc4]))
  // The standard's first table has 12 codes of at most 9 bits, the last of them eight ones and a zero (T.81, table
  // K.3).
  const symbols = table + 21
  const jpeg = Buffer.concat([sound.subarray(0, symbols + 12), Buffer.from([12]), sound.subarray(symbols + 12)])
  jpeg.writeUInt16BE(jpeg.readUInt16BE(table + 2) + 1, table + 2)
  jpeg[table + 5 + 8]! += 1
  const whole = asItIs({ width: 64, height: 48 })
  expect(decodeJpegCrop(sound, whole)).not.toBeNull()
  expect(decodeJpegCrop(jpeg, whole)).toBeNull()
  await expect(sharp(jpeg).raw().toBuffer()).rejects.toThrow()
})

test('Switched off, it decodes nothing, and libvips gives nearly the same', async () => {
  const jpeg = await jpegPhoto(900, 700)
  const options = { input: clipInput(224), maxPixels: 1e6, copyHeight: 512 }
  const threads: CropThreads = {
    decode: () => Promise.reject(new Error('expected libvips to decode')),
    release() {},
  }
  const { square, preview } = await decode(jpeg, { ...options, threads, jpegDecoder: 'libvips' })
  expect(preview).toBeUndefined()
  expect(meanDifference(square, (await decode(jpeg, options)).square)).toBeLessThan(0.5)
})

test('Damaged anywhere, a file gives a picture or is left to libvips, and what comes after it is decoded as ever', async () => {
  const size = { width: 60, height: 44 }
  const sound = await noise(60, 44).blur(1).jpeg({ quality: 80 }).toBuffer()
  const expected = decodeJpegCrop(sound, asItIs(size))!
  const half = {
    ...asItIs(size, 0, 0, 22),
    width: 30,
    height: 22,
    scale: 2 as const,
    preview: { width: 15, height: 11 },
  }
  const expectSizes = (decoded: DecodedJpeg | null, square: number, preview: number | undefined) => {
    if (decoded) expect([decoded.square.length, decoded.preview?.length]).toEqual([square, preview])
  }
  const change = fc.tuple(fc.nat(sound.length - 1), fc.integer({ min: 0, max: 255 }))
  const header = fc.tuple(fc.nat(700), fc.integer({ min: 0, max: 255 }))
  fc.assert(
    fc.property(fc.array(fc.oneof(change, header), { minLength: 1, maxLength: 8 }), changes => {
      const damaged = Buffer.from(sound)
      for (const [at, value] of changes) damaged[at] = value
      expectSizes(decodeJpegCrop(damaged, asItIs(size)), 44 * 44 * 3, undefined)
      expectSizes(decodeJpegCrop(damaged, half), 22 * 22 * 3, 15 * 11 * 3)
      expect(Buffer.compare(decodeJpegCrop(sound, asItIs(size))!.square, expected.square)).toBe(0)
    }),
    { numRuns: 2000 },
  )
})

describe('In threads', () => {
  const threads = new JpegThreads()
  afterAll(() => threads.close())

  test('photos side by side give what they give one after the other, and stay as they are', async () => {
    const photos = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        noise(100 + i, 90)
          .blur(2)
          .jpeg({ quality: 80 })
          .toBuffer(),
      ),
    )
    const before = photos.map(photo => Buffer.from(photo))
    const wanted = photos.map((_, i) => ({
      ...asItIs({ width: 100 + i, height: 90 }),
      preview: i % 2 === 0 ? undefined : { width: 50, height: 45 },
    }))
    const squares = await Promise.all(photos.map((photo, i) => threads.decode(photo, wanted[i]!)))
    expect(squares).toEqual(photos.map((photo, i) => decodeJpegCrop(photo, wanted[i]!)))
    expect(photos).toEqual(before)
  })

  test('what is left to libvips is told from there as well', async () => {
    expect(await threads.decode(await noise(64, 48).png().toBuffer(), asItIs({ width: 64, height: 48 }))).toBeNull()
  })

  test.each([
    ['cannot be loaded', `import './missing.js'`, /missing\.js/],
    ['fails while it loads', `throw new Error('no memory left')`, /no memory left/],
  ])('whose module %s, every photo that waits for one fails at once, and the next one too', async (_, code, why) => {
    const folder = await mkdtemp(join(tmpdir(), 'unsplash-clip-thread-'))
    const module = join(folder, 'thread.mjs')
    await writeFile(module, code)
    const broken = new JpegThreads(module)
    try {
      await expect(broken.start()).rejects.toMatchObject({ code: 'WORKER_FAILED', message: expect.stringMatching(why) })
      const photo = await noise(64, 48).jpeg().toBuffer()
      const decodes = Array.from({ length: 20 }, () => broken.decode(photo, asItIs({ width: 64, height: 48 })))
      for (const { status } of await Promise.allSettled(decodes)) expect(status).toBe('rejected')
      await writeFile(module, 'export default () => false')
      expect(await broken.decode(photo, asItIs({ width: 64, height: 48 }))).toBeNull()
    } finally {
      await broken.close()
      await rm(folder, { recursive: true })
    }
  })
})
