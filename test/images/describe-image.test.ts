import sharp, { type Sharp } from 'sharp'
import { describe, expect, test } from 'vitest'
import { clipInput } from '../../src/domain/image-input.js'
import { describeImage } from '../../src/images/describe-image.js'
import { readExif } from '../../src/images/metadata/exif.js'
import { gradient, pngBomb } from '../support/images/sample-images.js'

const describing = (image: Buffer) =>
  describeImage(image, { input: clipInput(224), maxPixels: 1e8, copy: { height: 512, quality: 65 } })

describe('An image is described', () => {
  test.each<[string, (image: Sharp) => Sharp, object]>([
    ['JPEG', image => image.jpeg({ progressive: true }), { format: 'JPEG', mode: 'RGB', progressive: true }],
    ['grey JPEG', image => image.toColourspace('b-w').jpeg(), { mode: 'L', bitsPerChannel: 8 }],
    ['CMYK JPEG', image => image.toColourspace('cmyk').jpeg(), { mode: 'CMYK' }],
    ['PNG with alpha', image => image.ensureAlpha().png(), { format: 'PNG', mode: 'RGBA' }],
    ['palette PNG', image => image.png({ palette: true }), { mode: 'P' }],
    ['16-bit PNG', image => image.toColourspace('rgb16').png(), { mode: 'RGB;16', bitsPerChannel: 16 }],
    ['WebP', image => image.webp(), { format: 'WebP', frames: 1 }],
    ['PNG with a profile', image => image.withIccProfile('p3').png(), { colourProfile: expect.stringMatching(/P3/) }],
  ])('%s', async (_kind, as, expected) => {
    expect(await describing(await as(gradient(300, 200)).toBuffer())).toMatchObject({
      width: 300,
      height: 200,
      ...expected,
    })
  })

  test('with one bit a pixel', async () => {
    expect(await describing(await pngBomb(40, 30))).toMatchObject({ mode: '1', bitsPerChannel: 1 })
  })

  test('as it is seen, its crop box too, when it lies on its side', async () => {
    const lying = await gradient(300, 200).withMetadata({ orientation: 6 }).jpeg().toBuffer()
    expect(await describing(lying)).toMatchObject({
      orientation: 6,
      width: 200,
      height: 300,
      resized: { width: 224, height: 336 },
      cropBox: { left: 0, top: 50, width: 200, height: 200 },
    })
  })

  test('with the frames of an animation', async () => {
    const frames = await Promise.all([gradient(20, 20).png().toBuffer(), gradient(20, 20).negate().png().toBuffer()])
    const gif = await sharp(frames, { join: { animated: true } })
      .gif()
      .toBuffer()
    expect(await describing(gif)).toMatchObject({ format: 'GIF', frames: 2 })
  })
})

describe('EXIF', () => {
  const exifOf = async () => {
    const jpeg = await gradient(30, 20)
      .withExif({
        IFD0: { Make: 'Maker', Model: 'Camera', Copyright: 'somebody' },
        IFD2: { ExposureTime: '1/250', FNumber: '28/10', DateTimeOriginal: '2019:07:14 18:03:22' },
        IFD3: { GPSLatitudeRef: 'S', GPSLatitude: '51/1 30/1 0/1', GPSLongitudeRef: 'E', GPSLongitude: '0/1 7/1 30/1' },
      })
      .jpeg()
      .toBuffer()
    return (await sharp(jpeg).metadata()).exif!
  }

  test('gives what a camera said', async () => {
    expect(readExif(await exifOf())).toMatchObject({
      make: 'Maker',
      model: 'Camera',
      copyright: 'somebody',
      exposure: '1/250',
      aperture: 2.8,
      taken: '2019:07:14 18:03:22',
      latitude: -51.5,
      longitude: 0.125,
    })
  })

  test('whose entries all claim all of it is refused at once', () => {
    const entries = 5000
    const block = Buffer.alloc(64_000, 1)
    block.write('Exif\0\0MM\0*\0\0\0\x08', 'latin1')
    block.writeUInt16BE(entries, 14)
    for (let i = 0; i < entries; i++) {
      block.writeUInt16BE(1000 + i, 16 + 12 * i)
      block.writeUInt16BE(1, 18 + 12 * i)
      block.writeUInt32BE(60_000, 20 + 12 * i)
      block.writeUInt32BE(8, 24 + 12 * i)
    }
    const started = performance.now()
    expect(readExif(block)).toBeNull()
    expect(performance.now() - started).toBeLessThan(500)
  })

  test('that is damaged never throws', async () => {
    const exif = await exifOf()
    for (let at = 0; at < exif.length; at++)
      for (const value of [0, 0x7f, 0xff]) {
        const damaged = Buffer.from(exif)
        damaged[at] = value
        expect(() => readExif(damaged)).not.toThrow()
        expect(() => readExif(exif.subarray(0, at))).not.toThrow()
      }
  })
})
