import sharp, { type Sharp } from 'sharp'
import { describe, expect, test } from 'vitest'
import { smallJpeg } from '../../src/images/small-jpeg.js'
import { gradient, noise } from '../support/images/sample-images.js'

const LIMITS = { height: 512, quality: 65 }
const photo = (width = 300, height = 200) => noise(width, height).blur(2)
const pixels = (image: Buffer) => sharp(image).raw().toBuffer()

function withSegment(jpeg: Buffer, marker: number, text: string): Buffer {
  const body = Buffer.from(text, 'latin1')
  const head = Buffer.from([0xff, marker, (body.length + 2) >> 8, (body.length + 2) & 255])
  return Buffer.concat([jpeg.subarray(0, 2), head, body, jpeg.subarray(2)])
}

describe('A JPEG that is as small as its copy would be is kept', () => {
  test.each<[string, (image: Sharp) => Sharp]>([
    ['baseline', image => image.jpeg({ quality: 65 })],
    ['progressive', image => image.jpeg({ quality: 40, progressive: true })],
    ['grey', image => image.toColourspace('b-w').jpeg({ quality: 65 })],
    ['without optimised Huffman tables', image => image.jpeg({ quality: 60, optimiseCoding: false })],
  ])('%s, with the same pixels', async (_kind, as) => {
    const jpeg = await as(photo()).toBuffer()
    const kept = smallJpeg(jpeg, LIMITS)!
    expect(await pixels(kept)).toEqual(await pixels(jpeg))
    expect(kept.length).toBeLessThanOrEqual(jpeg.length)
  })

  test('without what tells of its maker, place or past', async () => {
    const jpeg = await photo()
      .withExif({ IFD0: { Copyright: 'somebody' }, IFD3: { GPSLatitude: '51/1 30/1 0/1' } })
      .withXmp('<x:xmpmeta xmlns:x="adobe:ns:meta/">secret</x:xmpmeta>')
      .jpeg({ quality: 65 })
      .toBuffer()
    const said = withSegment(withSegment(jpeg, 0xfe, 'a secret comment'), 0xed, 'Photoshop 3.0\0 secret')
    const kept = smallJpeg(Buffer.concat([said, Buffer.from('secret film')]), LIMITS)!
    expect(kept.toString('latin1')).not.toMatch(/secret|somebody|Exif|adobe:ns/)
    expect(await pixels(kept)).toEqual(await pixels(jpeg))
    expect(await sharp(kept).metadata()).toMatchObject({ width: 300, height: 200 })
  })

  test.each([
    ['JFIF', 0xe0, 'JFIF\0\x01\x02\0\0\x01\0\x01\0\0'],
    ['Adobe', 0xee, 'Adobe\0\x64\0\0\0\0\x01'],
  ])('with the colours it had, where a marker of %s says which', async (name, marker, text) => {
    const jpeg = withSegment(await photo().jpeg({ quality: 65 }).toBuffer(), marker, text)
    const kept = smallJpeg(jpeg, LIMITS)!
    expect(kept.includes(name)).toBe(true)
    expect(await pixels(kept)).toEqual(await pixels(jpeg))
  })
})

test('A JFIF header that libjpeg finds too short is not made whole', async () => {
  const jpeg = await photo().jpeg({ quality: 65 }).toBuffer()
  const tables = jpeg.indexOf(Buffer.from([0xff, 0xdb]))
  const bare = Buffer.concat([jpeg.subarray(0, 2), jpeg.subarray(tables)])
  const kept = smallJpeg(withSegment(bare, 0xe0, 'JFIF\0'), LIMITS)!
  expect(kept.includes('JFIF')).toBe(false)
  expect(await pixels(kept)).toEqual(await pixels(jpeg))
})

describe('A copy has to be encoded', () => {
  const jpeg = (width = 300, height = 200, quality = 65) => photo(width, height).jpeg({ quality }).toBuffer()

  test('of one that is higher, better, or finer in chroma', async () => {
    expect(smallJpeg(await jpeg(300, 513), LIMITS)).toBeNull()
    expect(smallJpeg(await jpeg(300, 200, 66), LIMITS)).toBeNull()
    expect(smallJpeg(await photo().jpeg({ quality: 65, chromaSubsampling: '4:4:4' }).toBuffer(), LIMITS)).toBeNull()
  })

  const lyingAs = async (orientation: number) => {
    const exif = `Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0${String.fromCharCode(orientation)}\0\0\0\0\0\0\0`
    const lying = withSegment(await gradient(300, 200).jpeg({ quality: 60 }).toBuffer(), 0xe1, exif)
    expect((await sharp(lying).metadata()).orientation).toBe(orientation)
    return lying
  }

  test.each([2, 3, 4, 5, 6, 7, 8])('of one that lies as EXIF orientation %d', async orientation => {
    const upright = await lyingAs(1)
    expect(smallJpeg(upright, LIMITS)).not.toBeNull()
    const lying = await lyingAs(orientation)
    expect(smallJpeg(lying, LIMITS)).toBeNull()
  })

  test('of one whose EXIF cannot be read', async () => {
    expect(smallJpeg(withSegment(await jpeg(), 0xe1, 'Exif\0\0what is this'), LIMITS)).toBeNull()
  })

  test('of one with a colour profile, and of CMYK', async () => {
    expect(smallJpeg(await photo().withIccProfile('p3').jpeg({ quality: 60 }).toBuffer(), LIMITS)).toBeNull()
    expect(smallJpeg(await photo().toColourspace('cmyk').jpeg({ quality: 60 }).toBuffer(), LIMITS)).toBeNull()
  })

  test('of one that ends early, wherever it ends', async () => {
    const whole = await jpeg()
    for (let length = 0; length < whole.length; length += 97)
      expect(smallJpeg(whole.subarray(0, length), LIMITS), `${length} bytes`).toBeNull()
  })

  test('of one that hides more bytes than a picture of its size has', async () => {
    const whole = await jpeg(64, 48)
    const table = whole.indexOf(Buffer.from([0xff, 0xc4]))
    const tables = whole.subarray(table, table + 2 + whole.readUInt16BE(table + 2))
    const padded = Buffer.concat([whole.subarray(0, table), ...Array(500).fill(tables), whole.subarray(table)])
    expect(smallJpeg(padded, LIMITS)).toBeNull()
  })

  test('of what is no JPEG', async () => {
    expect(smallJpeg(await photo().png().toBuffer(), LIMITS)).toBeNull()
    expect(smallJpeg(Buffer.alloc(0), LIMITS)).toBeNull()
    expect(smallJpeg(Buffer.from([0xff, 0xd8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), LIMITS)).toBeNull()
  })
})
