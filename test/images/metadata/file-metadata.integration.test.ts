import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Sharp } from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { clipInput } from '../../../src/domain/image-input.js'
import { decode } from '../../../src/images/decode.js'
import { readExif } from '../../../src/images/metadata/exif.js'
import { fileMetadata } from '../../../src/images/metadata/file-metadata.js'
import { readIptc } from '../../../src/images/metadata/iptc.js'
import { readFileMetadata } from '../../../src/images/metadata/read-file-metadata.js'
import { readXmp } from '../../../src/images/metadata/xmp.js'
import { hasPrograms, tag } from '../../support/images/programs.js'
import { gradient } from '../../support/images/sample-images.js'

const CAMERA = {
  Make: 'Canon',
  Model: 'Canon EOS R5',
  LensModel: 'RF24-70mm F2.8 L IS USM',
  DateTimeOriginal: '2021:07:14 18:03:22',
  OffsetTimeOriginal: '+02:00',
  ISO: 800,
  FNumber: 2.8,
  ExposureTime: '1/250',
  FocalLength: 50,
  GPSLatitude: 52.5,
  GPSLatitudeRef: 'N',
  GPSLongitude: 13.4,
  GPSLongitudeRef: 'W',
}
const WORDS = {
  'XMP-dc:Title': 'In the park',
  'XMP-dc:Description': 'A dog rêves of snow',
  'XMP-dc:Subject': ['dog', 'snow'],
  'XMP-dc:Creator': 'Jane Doe',
  'XMP-xmp:Rating': 4,
  'XMP-photoshop:City': 'Sète',
  'XMP-photoshop:Country': 'France',
}
const COLUMNS = {
  exif_camera_make: 'Canon',
  exif_camera_model: 'Canon EOS R5',
  exif_lens: 'RF24-70mm F2.8 L IS USM',
  photo_submitted_at: '2021-07-14 18:03:22',
  exif_time_offset: '+02:00',
  exif_iso: 800,
  exif_aperture_value: '2.8',
  exif_exposure_time: '1/250',
  exif_focal_length: '50.0',
  photo_location_latitude: 52.5,
  photo_location_longitude: -13.4,
  photo_title: 'In the park',
  photo_description: 'A dog rêves of snow',
  photographer_username: 'Jane Doe',
  photo_rating: 4,
  photo_location_city: 'Sète',
  photo_location_country: 'France',
  photo_width: 60,
  photo_height: 40,
  photo_aspect_ratio: 1.5,
  exif_orientation: 1,
}

describe.skipIf(!hasPrograms('exiftool'))('what exiftool wrote into a file', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unsplash-clip-metadata-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  async function made(name: string, as: (image: Sharp) => Sharp, tags: Record<string, string | number | string[]>) {
    const file = join(folder, name)
    await writeFile(file, await as(gradient(60, 40)).toBuffer())
    await tag(tags, file)
    const image = await readFile(file)
    const { photo } = await decode(image, { input: clipInput(32), maxPixels: 1e6 })
    return await readFileMetadata(image, photo)
  }

  test.each<[string, (image: Sharp) => Sharp]>([
    ['jpg', image => image.jpeg()],
    ['png', image => image.png()],
    ['webp', image => image.webp()],
    ['tif', image => image.tiff({ compression: 'none' })],
    ['avif', image => image.avif()],
  ])('fills the columns of a photo: %s', async (extension, as) => {
    expect(await made(`all.${extension}`, as, { ...CAMERA, ...WORDS })).toEqual({
      columns: COLUMNS,
      keywords: ['dog', 'snow'],
    })
  })

  test('IPTC gives words where there is no XMP', async () => {
    const found = await made('iptc.jpg', image => image.jpeg(), {
      'IPTC:ObjectName': 'Harbour',
      'IPTC:Caption-Abstract': 'Boats',
      'IPTC:Keywords': ['boat', 'sea'],
      'IPTC:City': 'Sete',
      'IPTC:Country-PrimaryLocationName': 'France',
      'IPTC:By-line': 'Jane',
    })
    expect(found).toEqual({
      columns: {
        photo_title: 'Harbour',
        photo_description: 'Boats',
        photo_location_city: 'Sete',
        photo_location_country: 'France',
        photographer_username: 'Jane',
        photo_width: 60,
        photo_height: 40,
        photo_aspect_ratio: 1.5,
        exif_orientation: 1,
      },
      keywords: ['boat', 'sea'],
    })
  })

  test('the size is that of the upright image', async () => {
    const found = await made('lying.jpg', image => image.jpeg(), { 'Orientation#': 6 })
    expect(found?.columns).toEqual({ photo_width: 40, photo_height: 60, photo_aspect_ratio: 0.67, exif_orientation: 6 })
  })

  test.each([
    ['a clock that was never set', { 'DateTimeOriginal#': '0000:00:00 00:00:00' }],
    ['a place without a fix', { GPSLatitude: 0, GPSLatitudeRef: 'N', GPSLongitude: 0, GPSLongitudeRef: 'E' }],
    ['the text of a camera', { ImageDescription: 'OLYMPUS DIGITAL CAMERA' }],
    ['six stars', { 'XMP-xmp:Rating': 6 }],
  ])('%s says nothing', async (name, tags) => {
    const found = await made(`${name}.jpg`, image => image.jpeg(), tags)
    expect(Object.keys(found!.columns).sort()).toEqual([
      'exif_orientation',
      'photo_aspect_ratio',
      'photo_height',
      'photo_width',
    ])
  })

  test('a time of XMP counts where EXIF has none', async () => {
    const found = await made('xmp-time.jpg', image => image.jpeg(), {
      'XMP-exif:DateTimeOriginal': '2020:01:02 03:04:05Z',
    })
    expect(found!.columns).toMatchObject({ photo_submitted_at: '2020-01-02 03:04:05', exif_time_offset: '+00:00' })
  })
})

describe('blocks of metadata that are damaged or hostile', () => {
  const upright = { width: 3, height: 2, orientation: 1 }
  const bare = { photo_width: 3, photo_height: 2, photo_aspect_ratio: 1.5, exif_orientation: 1 }

  test('say nothing, and throw nothing', () => {
    const junk = Buffer.from(Array.from({ length: 999 }, (_, i) => (i * 37) % 256))
    expect(fileMetadata(upright, { exif: readExif(junk) ?? {}, xmp: junk, iptc: junk })).toEqual({
      columns: bare,
      keywords: [],
    })
    expect(fileMetadata(upright, { exif: {} })).toEqual({ columns: bare, keywords: [] })
  })

  test('XMP with a document type is not read: entities could expand', () => {
    const laughs = `<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>${packet('<dc:title>&b;</dc:title>')}`
    expect(readXmp(Buffer.from(laughs))).toEqual({})
  })

  test('XMP that is nested without end is not read', () => {
    const deep = `${'<a>'.repeat(100_000)}${'</a>'.repeat(100_000)}`
    expect(readXmp(Buffer.from(deep))).toEqual({})
  })

  test('XMP of 30,000 elements with as many prefixes in force as allowed is read; with more it is not', () => {
    const prefixes = (count: number) => Array.from({ length: count }, (_, i) => ` xmlns:p${i}="u:${i}"`).join('')
    const items = '<dc:subject>a</dc:subject><p1:a xmlns:p1="u:1"/>'.repeat(15_000)
    const xmp = (count: number) => packet(items).replace('xmlns:dc', `${prefixes(count).trim()} xmlns:dc`)
    expect(readXmp(Buffer.from(xmp(97))).keywords).toHaveLength(500)
    expect(readXmp(Buffer.from(xmp(98)))).toEqual({})
  }, 20_000)

  test('IPTC of 200,000 keywords gives 500, and of 1 MiB the rest is not read', () => {
    const keyword = Buffer.from('1c0219000161', 'hex')
    const title = Buffer.from('1c02050003616263', 'hex')
    const block = Buffer.concat([...Array.from({ length: 200_000 }, () => keyword), title])
    const { keywords, title: found } = readIptc(block)
    expect([keywords?.length, found]).toEqual([500, undefined])
  }, 20_000)

  test('EXIF that would become arrays of millions of numbers is not read', () => {
    const tiff = Buffer.alloc(17 << 20)
    tiff.write('II*\0\x08\0\0\0', 'latin1')
    // One entry: strip offsets, LONG, as many as fit behind the directory.
    tiff.writeUInt16LE(1, 8)
    tiff.writeUInt16LE(273, 10)
    tiff.writeUInt16LE(4, 12)
    tiff.writeUInt32LE(26, 18)
    const withOffsets = (count: number) => {
      tiff.writeUInt32LE(count, 14)
      return readExif(tiff)
    }
    expect(withOffsets(1000)).toEqual({})
    expect(withOffsets((16 << 18) + 1)).toBeNull()
  })

  test.each([0, 9, 70_000, 1.5])('an orientation of %d says nothing', value => {
    const tiff = Buffer.from('49492a0008000000' + '0100' + '120100000100000000000000' + '00000000', 'hex')
    tiff.writeUInt16LE(Number.isInteger(value) ? 4 : 11, 12)
    if (Number.isInteger(value)) tiff.writeUInt32LE(value, 18)
    else tiff.writeFloatLE(value, 18)
    expect(readExif(tiff)?.orientation).toBeUndefined()
  })

  test.each(['+99:99', '-15:00', '+02:60'])('an offset of %s in XMP says nothing: the time alone counts', offset => {
    const time = `<e:DateTimeOriginal xmlns:e="http://ns.adobe.com/exif/1.0/">2020-01-02T03:04:05${offset}</e:DateTimeOriginal>`
    const { columns } = fileMetadata(upright, { exif: {}, xmp: Buffer.from(packet(time)) })
    expect(columns.photo_submitted_at).toBe('2020-01-02 03:04:05')
    expect(columns.exif_time_offset).toBeUndefined()
  })

  test('IPTC that ends within a text keeps what came before', () => {
    const title = Buffer.from('1c02050003616263', 'hex')
    expect(readIptc(Buffer.concat([title, Buffer.from('1c0278ffff61', 'hex')]))).toEqual({ title: 'abc' })
  })

  test('texts become what Postgres takes: no NUL, no half of a pair, no endless key', () => {
    const keywords = Array.from({ length: 600 }, (_, i) => `<rdf:li>${i}${'x'.repeat(500)}</rdf:li>`).join('')
    const { columns, keywords: kept } = fileMetadata(upright, {
      exif: {},
      xmp: Buffer.from(packet(`<dc:subject><rdf:Bag>${keywords}</rdf:Bag></dc:subject>`)),
      iptc: Buffer.concat([Buffer.from('1c02780005', 'hex'), Buffer.from('ab\0cd')]),
    })
    expect(columns.photo_description).toBe('abcd')
    expect(kept).toHaveLength(500)
    expect(Math.max(...kept.map(keyword => keyword.length))).toBe(400)
  })
})

describe('XMP', () => {
  test('properties may be attributes, and prefixes any', () => {
    const xml = `<x:xmpmeta xmlns:x="adobe:ns:meta/"><r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
      <r:Description xmlns:a="http://ns.adobe.com/xap/1.0/" a:Rating="3"/>
      <r:Description xmlns:d="http://purl.org/dc/elements/1.1/"><d:title><r:Alt>
        <r:li xml:lang="de">Hund</r:li><r:li xml:lang="x-default">Dog &amp; cat</r:li></r:Alt></d:title></r:Description>
      </r:RDF></x:xmpmeta>`
    expect(readXmp(Buffer.from(xml))).toEqual({ rating: 3, title: 'Dog & cat' })
  })
})

function packet(properties: string): string {
  return `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/">${properties}</rdf:Description></rdf:RDF></x:xmpmeta>`
}
