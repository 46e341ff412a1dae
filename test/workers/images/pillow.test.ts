import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { ImageInput } from '../../../src/domain/image-input.js'
import { preprocess } from '../../../src/workers/preprocess.js'
import { type Raster, resample } from '../../../src/workers/resample.js'
import { planResize } from '../../../src/workers/resize-plan.js'
import { meanAbsoluteDifference } from '../../support/clip-yardstick.js'
import { noise } from '../../support/sample-images.js'

type Entry = ImageInput & { width: number; height: number; sha256: string }

const entries: Omit<Entry, 'size'>[] = JSON.parse(readFileSync(new URL('pillow-digests.json', import.meta.url), 'utf8'))

/** The picture of pillow-digests.py. */
function picture(width: number, height: number): Raster {
  const data = new Uint8Array(width * height * 3)
  let at = 0
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 1; c <= 3; c++) data[at++] = ((x * x * 7 + y * y * 13 + x * y * 3 * c) >> 5) & 255
  return { data, width, height, channels: 3 }
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
