import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import type { ImageInput } from '../../src/domain/image-input.js'
import { preprocess } from '../../src/images/decode.js'
import { type Raster, resample } from '../../src/images/resample.js'
import { planResize } from '../../src/images/resize-plan.js'
import { noise, pngChunk } from '../support/images/sample-images.js'
import { meanAbsoluteDifference } from '../support/models/clip-yardstick.js'

type Entry = ImageInput & { width: number; height: number; sha256: string }

type Digest = Omit<Entry, 'size'> & { alpha?: number | 'gradient' }

const digests: Digest[] = JSON.parse(readFileSync(new URL('pillow-digests.json', import.meta.url), 'utf8'))
const entries = digests.filter(({ alpha }) => alpha === undefined)
const transparent = digests.flatMap(({ alpha, ...entry }) => (alpha === undefined ? [] : [{ ...entry, alpha }]))

/** The picture of pillow-digests.py. */
function picture(width: number, height: number): Raster {
  const data = new Uint8Array(width * height * 3)
  let at = 0
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 1; c <= 3; c++) data[at++] = ((x * x * 7 + y * y * 13 + x * y * 3 * c) >> 5) & 255
  return { data, width, height, channels: 3 }
}

/** The same with alpha. */
function transparentPicture(width: number, height: number, alpha: number | 'gradient'): Raster {
  const { data: rgb } = picture(width, height)
  const data = new Uint8Array(width * height * 4)
  for (let i = 0; i < width * height; i++) {
    data.set(rgb.subarray(3 * i, 3 * i + 3), 4 * i)
    data[4 * i + 3] = alpha === 'gradient' ? Math.floor(((i % width) * 255) / width) : alpha
  }
  return { data, width, height, channels: 4 }
}

/** What Pillow would make of it. */
const yardstick = (image: Raster, input: ImageInput) => resample(image, planResize(image, input), input.kernel)

test.each(entries)(
  '$kernel, $fit of $cropShare: $width×$height becomes what Pillow makes of it, bit for bit',
  entry => {
    const pixels = yardstick(picture(entry.width, entry.height), { ...entry, size: 224 })
    expect(createHash('sha256').update(pixels).digest('hex')).toBe(entry.sha256)
  },
)

test.each(transparent)('alpha $alpha at $width×$height is dropped as Pillow drops it, bit for bit', async entry => {
  const { data, ...raw } = transparentPicture(entry.width, entry.height, entry.alpha)
  const image = sharp(data, { raw: { ...raw, channels: 4 } })
  const files = [
    image.clone().png(),
    image.clone().webp({ lossless: true, exact: true }),
    image.clone().tiff({ compression: 'lzw' }),
  ]
  for (const file of files) {
    const square = await preprocess(await file.toBuffer(), { input: { ...entry, size: 224 }, maxPixels: 1e6 })
    expect(createHash('sha256').update(square).digest('hex')).toBe(entry.sha256)
  }
})

test('an alpha channel that is opaque everywhere makes no difference', async () => {
  const { data, ...raw } = picture(600, 450)
  const image = sharp(data, { raw: { ...raw, channels: 3 } })
  const options = { input: { size: 224, fit: 'crop', cropShare: 1, kernel: 'bicubic' }, maxPixels: 1e6 } as const
  expect(await preprocess(await image.clone().ensureAlpha().png().toBuffer(), options)).toEqual(
    await preprocess(await image.clone().png().toBuffer(), options),
  )
})

test('a colour of a PNG that counts as transparent is a colour, as for Pillow', async () => {
  const { data, ...raw } = picture(600, 450)
  const png = await sharp(data, { raw: { ...raw, channels: 3 } })
    .png()
    .toBuffer()
  // After the chunk IHDR, which takes 33 bytes with the signature.
  const key = pngChunk('tRNS', Buffer.from([0, data[0]!, 0, data[1]!, 0, data[2]!]))
  const keyed = Buffer.concat([png.subarray(0, 33), key, png.subarray(33)])
  expect((await sharp(keyed).metadata()).hasAlpha).toBe(true)
  const options = { input: { size: 224, fit: 'crop', cropShare: 1, kernel: 'bicubic' }, maxPixels: 1e6 } as const
  expect(await preprocess(keyed, options)).toEqual(await preprocess(png, options))
})

test('grey with alpha, and 16 bits with alpha, are treated as 8 bits in colour', async () => {
  const width = 300
  const height = 260
  const grey = Buffer.alloc(width * height * 2, 0).map((_, i) => (i % 2 === 0 ? (i * 7) % 256 : 40 + ((i >> 3) % 200)))
  const rgba = Buffer.alloc(width * height * 4).map((_, i) => grey[2 * (i >> 2) + (i % 4 === 3 ? 1 : 0)]!)
  const wide = Uint16Array.from(rgba, value => value * 256 + 77)
  const options = { input: { size: 224, fit: 'crop', cropShare: 1, kernel: 'bicubic' }, maxPixels: 1e6 } as const
  const expected = await preprocess(
    await sharp(rgba, { raw: { width, height, channels: 4 } })
      .png()
      .toBuffer(),
    options,
  )
  const la = await sharp(grey, { raw: { width, height, channels: 2 } })
    .toColourspace('b-w')
    .png()
    .toBuffer()
  const deep = await sharp(wide, { raw: { width, height, channels: 4 } })
    .toColourspace('rgb16')
    .png()
    .toBuffer()
  expect(await sharp(la).metadata()).toMatchObject({ channels: 2, depth: 'uchar' })
  expect(await sharp(deep).metadata()).toMatchObject({ channels: 4, depth: 'ushort' })
  expect(await preprocess(la, options)).toEqual(expected)
  expect(await preprocess(deep, options)).toEqual(expected)
})

describe.each<[string, ImageInput]>([
  ['SigLIP’s squashed input', { size: 224, fit: 'squash', cropShare: 1, kernel: 'bicubic' }],
  ['EfficientNet’s crop of seven eighths', { size: 224, fit: 'crop', cropShare: 0.875, kernel: 'bicubic' }],
  ['a bilinear crop', { size: 224, fit: 'crop', cropShare: 0.875, kernel: 'bilinear' }],
  ['a bilinear squash to another size', { size: 384, fit: 'squash', cropShare: 1, kernel: 'bilinear' }],
])('The pixels of %s are within 0.5/255 of Pillow’s', (_name, input) => {
  test.each([
    [768, 512],
    [341, 512],
    [2000, 1333],
    [3000, 230],
    [180, 2400],
    [100, 37],
    [4000, 3000],
  ])('for %d×%d', async (width, height) => {
    const image = noise(width, height).blur(1 + Math.min(width, height) / 200)
    const jpeg = await image.jpeg({ quality: 90 }).toBuffer()
    const data = await decoded(jpeg)
    const ours = await preprocess(jpeg, { input, maxPixels: 20_000_000 })
    expect(meanAbsoluteDifference(ours, yardstick({ data, width, height, channels: 3 }, input))).toBeLessThan(0.5)
  })
})

async function decoded(jpeg: Buffer): Promise<Uint8Array> {
  const { default: sharp } = await import('sharp')
  return await sharp(jpeg, { ignoreIcc: true }).raw().toBuffer()
}
