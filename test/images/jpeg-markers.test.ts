import sharp, { type Sharp } from 'sharp'
import { describe, expect, test } from 'vitest'
import { clipInput } from '../../src/domain/image-input.js'
import { preprocess } from '../../src/images/decode.js'
import { jpegHeader, jpegSegments, MARKERS, segmentsNamed } from '../../src/images/jpeg-markers.js'
import { smallJpeg } from '../../src/images/small-jpeg.js'
import { compress } from '../../src/images/store-copy.js'
import { gradient, jpegPhoto } from '../support/images/sample-images.js'

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

  test('one with EXIF behind its frame header, and turns it as that says', async () => {
    const lying = await image().withMetadata({ orientation: 6 }).jpeg().toBuffer()
    const [exif] = segmentsNamed(lying, jpegSegments(lying, 'scan')!, MARKERS.app1, 'Exif')
    const scan = lying.indexOf(Buffer.from([0xff, MARKERS.scan]))
    const pieces = [
      lying.subarray(0, exif!.start),
      lying.subarray(exif!.end, scan),
      lying.subarray(exif!.start, exif!.end),
    ]
    const moved = Buffer.concat([...pieces, lying.subarray(scan)])
    expect(jpegHeader(moved)).toBeNull()
    const square = (jpeg: Buffer) => preprocess(jpeg, { input: clipInput(32), maxPixels: 1e6 })
    expect(await square(moved)).toEqual(await square(lying))
    const copy = (jpeg: Buffer) => compress(jpeg, { height: 100, quality: 65, maxPixels: 1e6 })
    expect(await copy(moved)).toEqual(await copy(lying))
    expect(smallJpeg(moved, { height: 512, quality: 90 })).toBeNull()
  })

  test('the colour profile behind the frame header, for the copy too', async () => {
    const profiled = await image().withIccProfile('p3').jpeg({ quality: 65 }).toBuffer()
    const [profile] = segmentsNamed(profiled, jpegSegments(profiled, 'scan')!, MARKERS.app2, 'ICC_PROFILE')
    const scan = profiled.indexOf(Buffer.from([0xff, MARKERS.scan]))
    const pieces = [
      profiled.subarray(0, profile!.start),
      profiled.subarray(profile!.end, scan),
      profiled.subarray(profile!.start, profile!.end),
    ]
    const moved = Buffer.concat([...pieces, profiled.subarray(scan)])
    expect(jpegHeader(moved)).toMatchObject({ hasProfile: true })
    expect(smallJpeg(moved, { height: 512, quality: 65 })).toBeNull()
    const copy = (jpeg: Buffer) => compress(jpeg, { height: 100, quality: 65, maxPixels: 1e6 })
    expect(await copy(moved)).toEqual(await copy(profiled))
    const square = (jpeg: Buffer) => preprocess(jpeg, { input: clipInput(32), maxPixels: 1e6 })
    expect(await square(moved)).toEqual(await square(profiled))
  })

  test('one of more segments than any camera writes, in little memory', async () => {
    const jpeg = await jpegPhoto(64, 48)
    const empty = Buffer.alloc(4 * 5000, Buffer.from([0xff, 0xe3, 0, 2]))
    expect(jpegSegments(Buffer.concat([jpeg.subarray(0, 2), empty, jpeg.subarray(2)]), 'end')).toBeNull()
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
