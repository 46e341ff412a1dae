import sharp, { type Sharp } from 'sharp'
import { describe, expect, test } from 'vitest'
import { jpegHeader } from '../../../src/workers/jpeg-header.js'
import { gradient, jpegPhoto } from '../../support/sample-images.js'

const image = () => gradient(301, 200)

test.each<[string, (image: Sharp) => Sharp]>([
  ['baseline', image => image.jpeg()],
  ['progressive', image => image.jpeg({ progressive: true })],
  ['grey', image => image.toColourspace('b-w').jpeg()],
  ['with a colour profile', image => image.withIccProfile('p3').jpeg()],
])('The header of an ordinary JPEG is what libvips reads: %s', async (_kind, as) => {
  const jpeg = await as(image()).toBuffer()
  const { width, height, isProgressive, hasProfile } = await sharp(jpeg).metadata()
  expect(jpegHeader(jpeg)).toEqual({ width, height, progressive: isProgressive, hasProfile })
})

describe('libvips has to look at', () => {
  test('one with EXIF or XMP, which may say how it lies', async () => {
    expect(
      jpegHeader(
        await image()
          .withExif({ IFD0: { Make: 'Maker' } })
          .jpeg()
          .toBuffer(),
      ),
    ).toBeNull()
    expect(jpegHeader(await image().withXmp('<x:xmpmeta xmlns:x="adobe:ns:meta/"/>').jpeg().toBuffer())).toBeNull()
  })

  test('CMYK, and what is no JPEG', async () => {
    expect(jpegHeader(await image().toColourspace('cmyk').jpeg().toBuffer())).toBeNull()
    expect(jpegHeader(await image().png().toBuffer())).toBeNull()
    expect(jpegHeader(Buffer.alloc(0))).toBeNull()
  })

  test('one that ends in its header, and one of no pixels', async () => {
    const jpeg = await jpegPhoto(64, 48)
    const frame = jpeg.indexOf(Buffer.from([0xff, 0xc0]))
    for (let length = 0; length < frame + 10; length++) expect(jpegHeader(jpeg.subarray(0, length))).toBeNull()
    const empty = Buffer.from(jpeg)
    empty.writeUInt16BE(0, frame + 5)
    expect(jpegHeader(empty)).toBeNull()
  })
})
