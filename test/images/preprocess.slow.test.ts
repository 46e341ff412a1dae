import sharp, { type Sharp } from 'sharp'
import { describe, expect, test } from 'vitest'
import { clipInput } from '../../src/domain/image-input.js'
import { preprocess } from '../../src/images/decode.js'
import {
  fiveChannelTiff,
  gradient,
  jpegPhoto,
  noise,
  pngBomb,
  twoComponentJpeg,
  UNSUPPORTED,
} from '../support/images/sample-images.js'
import { clipYardstick, meanAbsoluteDifference } from '../support/models/clip-yardstick.js'

const MAX_PIXELS = 20_000_000
const clip = (image: Uint8Array) => preprocess(image, { input: clipInput(224), maxPixels: MAX_PIXELS })

/** CLIP's own preprocessing of the pixels that this pipeline holds. */
async function yardstick(image: Sharp): Promise<Uint8Array> {
  const { data, info } = await image.clone().removeAlpha().raw().toBuffer({ resolveWithObject: true })
  return clipYardstick({ data, width: info.width, height: info.height, channels: 3 }, 224)
}

/** Something like a photo: smooth, with edges. */
const scene = (width: number, height: number) => noise(width, height).blur(1 + Math.min(width, height) / 200)

/** The colour in the middle of what CLIP would see. */
async function middle(image: Uint8Array): Promise<number[]> {
  const at = 3 * (112 * 224 + 112)
  return [...(await clip(image)).subarray(at, at + 3)]
}

function near(colour: number[], tolerance = 2) {
  return colour.map(value => expect.toSatisfy((found: number) => Math.abs(found - value) <= tolerance, `${value}`))
}

describe('The pixels are within 0.5/255 of CLIP’s own', () => {
  test.each([
    [224, 224],
    [225, 225],
    [223, 224],
    [447, 224],
    [225, 449],
    [766, 512],
    [767, 512],
    [873, 873],
    [874, 900],
    [1080, 1620],
    [2000, 1333],
    [3500, 3410],
    [2400, 230],
    [100, 37],
    [3, 2],
  ])('for an image of %d×%d', async (width, height) => {
    const image = scene(width, height)
    const ours = await clip(await image.clone().png().toBuffer())
    expect(meanAbsoluteDifference(ours, await yardstick(image))).toBeLessThan(0.5)
  })

  test('for a JPEG of 12 megapixels that lies on its side, decoded at a half', async () => {
    const upright = await scene(4000, 3000).jpeg({ quality: 90 }).toBuffer()
    const lying = await sharp(upright).withMetadata({ orientation: 6 }).jpeg({ quality: 90 }).toBuffer()
    const turned = sharp(await sharp(lying, { ignoreIcc: true }).autoOrient().png({ compressionLevel: 0 }).toBuffer())
    expect(meanAbsoluteDifference(await clip(lying), await yardstick(turned))).toBeLessThan(0.5)
  })

  test('for a large JPEG, which is decoded in full', async () => {
    const jpeg = await scene(2400, 1800).jpeg({ quality: 80 }).toBuffer()
    expect(meanAbsoluteDifference(await clip(jpeg), await yardstick(sharp(jpeg)))).toBeLessThan(0.5)
  })

  test('for a palette, which is resized as RGB', async () => {
    const png = await scene(500, 400).png({ palette: true }).toBuffer()
    expect(meanAbsoluteDifference(await clip(png), await yardstick(sharp(png)))).toBeLessThan(0.5)
  })

  test('at another size', async () => {
    const ours = await preprocess(await scene(300, 200).png().toBuffer(), {
      input: clipInput(64),
      maxPixels: MAX_PIXELS,
    })
    expect(ours).toHaveLength(64 * 64 * 3)
  })
})

test('Fast preprocessing gives the same pixels of a small photo, and nearly the same of a large one', async () => {
  const fast = (image: Buffer) => preprocess(image, { input: clipInput(224), maxPixels: MAX_PIXELS, mode: 'fast' })
  const small = await scene(768, 512).jpeg({ quality: 80 }).toBuffer()
  expect(await fast(small)).toEqual(await clip(small))
  for (const image of [scene(2400, 1800).jpeg({ quality: 80 }), scene(2400, 1800).webp()]) {
    const large = await image.toBuffer()
    const difference = meanAbsoluteDifference(await fast(large), await clip(large))
    expect(difference).toBeGreaterThan(0)
    expect(difference).toBeLessThan(4)
  }
})

describe.each([
  [64, 48],
  [640, 480],
  [1000, 1200],
])('Every kind of image becomes RGB, at %d×%d', (width, height) => {
  const solid = (background: string) => sharp({ create: { width, height, channels: 3, background } })
  const red = [204, 51, 51]

  test.each<[string, (image: Sharp) => Sharp]>([
    ['JPEG', image => image.jpeg()],
    ['progressive JPEG', image => image.jpeg({ progressive: true })],
    ['PNG', image => image.png()],
    ['interlaced PNG', image => image.png({ progressive: true })],
    ['palette PNG', image => image.png({ palette: true })],
    ['PNG with alpha', image => image.ensureAlpha().png()],
    ['16-bit PNG', image => image.toColourspace('rgb16').png()],
    ['WebP', image => image.webp({ lossless: true })],
    ['AVIF', image => image.avif({ lossless: true })],
    ['GIF', image => image.gif()],
    ['TIFF', image => image.tiff()],
    ['Lab TIFF', image => image.toColourspace('lab').tiff()],
  ])('%s', async (_kind, as) => {
    expect(await middle(await as(solid('#cc3333')).toBuffer())).toEqual(near(red))
  })

  test('CMYK without a profile, as Pillow converts it', async () => {
    const cmyk = await solid('#cc3333').toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer()
    const inks = await sharp(cmyk).pipelineColourspace('cmyk').toColourspace('cmyk').raw().toBuffer()
    const [c, m, y, k] = inks as unknown as [number, number, number, number]
    const expected = [c, m, y].map(ink => (255 - k) * (1 - ink / 255))
    expect(await middle(cmyk)).toEqual(near(expected))
  })

  test('CMYK with the profile of its inks, by that profile', async () => {
    const cmyk = await solid('#cc3333').withIccProfile('cmyk').jpeg({ quality: 100 }).toBuffer()
    expect(await sharp(cmyk).metadata()).toMatchObject({ space: 'cmyk', hasProfile: true })
    expect(await middle(cmyk)).toEqual(near(red, 20))
  })

  test('8-bit grey', async () => {
    const grey = await solid('#646464').toColourspace('b-w').png().toBuffer()
    expect(await sharp(grey).metadata()).toMatchObject({ channels: 1 })
    expect(await middle(grey)).toEqual(near([100, 100, 100], 0))
  })

  test('16-bit grey', async () => {
    const grey = await sharp(new Uint16Array(width * height).fill(100 * 257), { raw: { width, height, channels: 1 } })
      .toColourspace('grey16')
      .png()
      .toBuffer()
    expect(await sharp(grey).metadata()).toMatchObject({ channels: 1, depth: 'ushort' })
    expect(await middle(grey)).toEqual(near([100, 100, 100], 1))
  })

  test('grey with alpha', async () => {
    const grey = await sharp({ create: { width, height, channels: 4, background: '#646464ff' } })
      .toColourspace('b-w')
      .png()
      .toBuffer()
    expect(await sharp(grey).metadata()).toMatchObject({ channels: 2 })
    expect(await middle(grey)).toEqual(near([100, 100, 100]))
  })

  test('half transparent colour keeps its colour, as in Pillow, and gets no background', async () => {
    const glass = sharp({
      create: { width, height, channels: 4, background: { r: 204, g: 51, b: 51, alpha: 0.5 } },
    })
    expect(await middle(await glass.png().toBuffer())).toEqual(near(red, 4))
  })

  test('one bit a pixel', async () => {
    expect(await middle(await pngBomb(width, height))).toEqual([0, 0, 0])
  })

  test('wide-gamut colours keep their numbers, as CLIP ignores profiles', async () => {
    const p3 = await solid('#cc3333').withIccProfile('p3').png().toBuffer()
    expect(await sharp(p3).metadata()).toMatchObject({ hasProfile: true })
    const numbers = [...(await sharp(p3, { ignoreIcc: true }).raw().toBuffer()).subarray(0, 3)]
    expect(numbers[0]).toBeLessThan(200)
    expect(await middle(p3)).toEqual(near(numbers, 0))
  })

  test('of an animation, the first frame', async () => {
    const frames = [await solid('#cc3333').gif().toBuffer(), await solid('#3333cc').gif().toBuffer()]
    const gif = await sharp(frames, { join: { animated: true } })
      .gif()
      .toBuffer()
    expect((await sharp(gif).metadata()).pages).toBe(2)
    expect(await middle(gif)).toEqual(near(red))
    expect(await middle(await sharp(gif, { animated: true }).webp({ lossless: true }).toBuffer())).toEqual(near(red))
    expect(await middle(await sharp(gif, { animated: true }).tiff().toBuffer())).toEqual(near(red))
  })

  test('of an AVIF sequence, the still image that it has for readers without animation', async () => {
    const avif = await solid('#cc3333').avif({ lossless: true }).toBuffer()
    const sequence = Buffer.from(avif)
    sequence.write('avis', 8, 'latin1')
    expect(await middle(sequence)).toEqual(await middle(avif))
    const generic = Buffer.from(avif)
    generic.write('miaf', 8, 'latin1')
    expect(await middle(generic)).toEqual(await middle(avif))
    const pure = Buffer.from(sequence)
    pure.write('free', pure.indexOf('meta'), 'latin1')
    await expect(clip(pure)).rejects.toMatchObject({ code: 'UNSUPPORTED_IMAGE' })
  })
})

test.each([1, 2, 3, 4, 5, 6, 7, 8])('EXIF orientation %d is applied', async orientation => {
  const upright = gradient(300, 200)
  const lying = await sharp(await upright.clone().png().toBuffer())
    .withMetadata({ orientation })
    .jpeg({ quality: 100 })
    .toBuffer()
  const turned = sharp(await sharp(lying, { ignoreIcc: true }).autoOrient().png().toBuffer())
  expect(meanAbsoluteDifference(await clip(lying), await yardstick(turned))).toBeLessThan(0.5)
  const untouched = meanAbsoluteDifference(await clip(lying), await clip(await sharp(lying).png().toBuffer()))
  expect(untouched > 5).toBe(orientation !== 1)
})

describe('Extreme shapes are looked at in their centre', () => {
  test.each([
    [1, 1],
    [1, 30_000],
    [60_000, 1],
    [20_000, 150],
    [7, 9000],
  ])('%d×%d', async (width, height) => {
    const stripes = sharp({ create: { width, height, channels: 3, background: '#cc3333' } })
    const seen = await clip(await stripes.png().toBuffer())
    expect(seen).toHaveLength(224 * 224 * 3)
    expect([...seen.subarray(0, 3)]).toEqual(near([204, 51, 51]))
  })

  test('also when they lie on their side', async () => {
    const lying = await gradient(9000, 20).withMetadata({ orientation: 6 }).jpeg({ quality: 95 }).toBuffer()
    const [r, g] = await middle(lying)
    expect(r).toBeGreaterThan(120)
    expect(r).toBeLessThan(135)
    expect(g).toBeGreaterThan(110)
  })
})

describe('Channels beside RGB', () => {
  test.each([
    [100, 80],
    [900, 890],
    [3000, 400],
  ])('of a TIFF of %d×%d are dropped', async (width, height) => {
    const image = scene(width, height)
    const ours = await clip(await fiveChannelTiff(image))
    expect(meanAbsoluteDifference(ours, await yardstick(image))).toBeLessThan(0.5)
  })

  test('of a TIFF on its side are dropped as well', async () => {
    const image = scene(300, 200)
    const lying = sharp(await fiveChannelTiff(image)).withMetadata({ orientation: 6 })
    const ours = await clip(await lying.tiff({ compression: 'lzw' }).toBuffer())
    const turned = sharp(await image.clone().rotate(90).png().toBuffer())
    expect(meanAbsoluteDifference(ours, await yardstick(turned))).toBeLessThan(0.5)
  })
})

describe('An image is refused', () => {
  test('when it has two channels, of which nobody knows what they show', async () => {
    const image = await twoComponentJpeg()
    expect(await sharp(image).metadata()).toMatchObject({ format: 'jpeg', channels: 2 })
    for (const input of [clipInput(8), clipInput(224)])
      await expect(preprocess(image, { input, maxPixels: MAX_PIXELS })).rejects.toMatchObject({
        code: 'UNSUPPORTED_IMAGE',
        message: 'expected RGB, found 2 channels',
        retryable: false,
      })
  })

  test('when it has too many pixels, before they are decoded', async () => {
    const bomb = await pngBomb(30_000, 30_000)
    const before = performance.now()
    await expect(clip(bomb)).rejects.toMatchObject({
      code: 'TOO_MANY_PIXELS',
      message: expect.stringContaining('30000×30000'),
    })
    expect(performance.now() - before).toBeLessThan(500)
  })

  test('by a cap that is exact', async () => {
    const png = await scene(100, 100).png().toBuffer()
    await expect(preprocess(png, { input: clipInput(8), maxPixels: 10_000 })).resolves.toHaveLength(192)
    await expect(preprocess(png, { input: clipInput(8), maxPixels: 9999 })).rejects.toMatchObject({
      code: 'TOO_MANY_PIXELS',
    })
  })

  test('when it ends early, wherever it ends', async () => {
    const photo = await jpegPhoto(64, 48)
    for (let length = 4; length < photo.length; length += Math.ceil(photo.length / 40))
      await expect(clip(photo.subarray(0, length)), `${length} of ${photo.length} bytes`).rejects.toMatchObject({
        code: 'DECODE_FAILED',
        retryable: false,
      })
  })

  test('when it is no image, or of a format that is not decoded', async () => {
    await expect(clip(Buffer.from('<html></html>'))).rejects.toMatchObject({ code: 'NOT_AN_IMAGE' })
    await expect(clip(Buffer.alloc(0))).rejects.toMatchObject({ code: 'EMPTY_BODY' })
    await expect(clip(UNSUPPORTED.svg)).rejects.toMatchObject({ code: 'UNSUPPORTED_IMAGE' })
  })
})
