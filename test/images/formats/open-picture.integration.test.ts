import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { clipInput } from '../../../src/domain/image-input.js'
import { decode, preprocess } from '../../../src/images/decode.js'
import { describeImage } from '../../../src/images/describe-image.js'
import { decodeElsewhere } from '../../../src/images/formats/decode-elsewhere.js'
import { largestJpeg } from '../../../src/images/formats/raw-preview.js'
import { readFileMetadata } from '../../../src/images/metadata/read-file-metadata.js'
import { PixelBudget } from '../../../src/images/pixel-budget.js'
import { hasPrograms, program, tag } from '../../support/images/programs.js'
import { RAW_PREVIEW, rawFile } from '../../support/images/raw-files.js'
import { gradient } from '../../support/images/sample-images.js'

const OPTIONS = { input: clipInput(64), maxPixels: 1e6 }

/** Mean and largest difference of two pictures, in levels. */
function difference(a: Uint8Array, b: Uint8Array) {
  const all = a.map((value, i) => Math.abs(value - b[i]!))
  return { mean: all.reduce((sum, each) => sum + each, 0) / all.length, most: Math.max(...all) }
}

describe.skipIf(!hasPrograms('heif-enc', 'exiftool'))('HEIC', () => {
  let folder: string
  let heic: Buffer
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unsplash-clip-heic-'))
    const [png, file] = ['photo.png', 'photo.heic'].map(name => join(folder, name)) as [string, string]
    await writeFile(png, await gradient(300, 200).png().toBuffer())
    await program('heif-enc', '-q', '90', png, '-o', file)
    await tag({ ISO: 800, Model: 'iPhone', 'XMP-dc:Title': 'A title', DateTimeOriginal: '2021:07:14 18:03:22' }, file)
    heic = await readFile(file)
  })
  afterAll(() => rm(folder, { recursive: true }))

  test('is seen as the same picture in PNG', async () => {
    const png = await readFile(join(folder, 'photo.png'))
    const [seen, same] = await Promise.all([preprocess(heic, OPTIONS), preprocess(png, OPTIONS)])
    expect(difference(seen, same).mean).toBeLessThan(2)
  })

  test('fills the columns of its photo', async () => {
    const copyOf = async (picture: Buffer) => Buffer.from((await sharp(picture).metadata()).format)
    const { photo, copy } = await decode(heic, { ...OPTIONS, copyOf })
    expect(String(copy)).toBe('tiff')
    expect((await readFileMetadata(heic, photo))?.columns).toMatchObject({
      exif_iso: 800,
      exif_camera_model: 'iPhone',
      photo_title: 'A title',
      photo_submitted_at: '2021-07-14 18:03:22',
      photo_width: 300,
      photo_height: 200,
    })
  })

  test('is described', async () => {
    const described = await describeImage(heic, { ...OPTIONS, copy: { height: 512, quality: 65 } })
    expect(described).toMatchObject({ format: 'HEIC', width: 300, height: 200, exif: { iso: 800 } })
  })

  test('that is too large is not decoded', async () => {
    await expect(decode(heic, { ...OPTIONS, maxPixels: 59_999 })).rejects.toMatchObject({ code: 'TOO_MANY_PIXELS' })
    const task = { format: 'HEIC', file: heic, maxPixels: 59_999 } as const
    await expect(decodeElsewhere(task)).rejects.toMatchObject({ code: 'TOO_MANY_PIXELS' })
  })

  test.each([0.3, 0.6, 0.95])('that is cut after %d of it fails alone', async share => {
    const cut = heic.subarray(0, Math.floor(share * heic.length))
    await expect(decode(cut, OPTIONS)).rejects.toMatchObject({ code: 'DECODE_FAILED' })
  })
})

describe('BMP', () => {
  test('holds its share of the budget of all images from its decoding to its copy, once', async () => {
    const events: string[] = []
    class Recorded extends PixelBudget {
      override async spend<T>(pixels: number, work: () => Promise<T>): Promise<T> {
        events.push(`takes ${pixels}`)
        return super.spend(pixels, work).finally(() => events.push('gives back'))
      }
    }
    const [{ bmp }] = JSON.parse(await readFile('test/images/formats/bmp-fixtures.json', 'utf8'))
    // Larger than the budget: it would wait for itself if it took pixels twice at once.
    const budget = new Recorded(100)
    const copyOf = async (picture: Buffer, own?: PixelBudget) => {
      events.push(own === undefined ? 'copied, paid for' : 'copied')
      return picture
    }
    await decode(Buffer.from(bmp, 'base64'), { ...OPTIONS, budget, copyOf })
    expect(events).toEqual(['takes 189', 'copied, paid for', 'gives back'])
  })

  test('is seen as the same picture in PNG', async () => {
    const [{ bmp, rgb }] = JSON.parse(await readFile('test/images/formats/bmp-fixtures.json', 'utf8'))
    const raw = { width: 21, height: 9, channels: 3 } as const
    const png = await sharp(Buffer.from(rgb, 'base64'), { raw }).png().toBuffer()
    const [seen, same] = await Promise.all([preprocess(Buffer.from(bmp, 'base64'), OPTIONS), preprocess(png, OPTIONS)])
    expect(difference(seen, same)).toEqual({ mean: 0, most: 0 })
  })

  test.each([
    ['claims to be huge', 2_000_000_000, 'TOO_MANY_PIXELS'],
    ['has no pixels', 900, 'DECODE_FAILED'],
    ['has no width', 0, 'DECODE_FAILED'],
  ])('that %s fails alone', async (_what, width, code) => {
    const bmp = Buffer.alloc(60)
    bmp.write('BM')
    bmp.writeUInt32LE(54, 10)
    bmp.writeUInt32LE(40, 14)
    bmp.writeUInt32LE(width, 18)
    bmp.writeUInt32LE(900, 22)
    bmp.writeUInt16LE(1, 26)
    bmp.writeUInt16LE(24, 28)
    await expect(decode(bmp, OPTIONS)).rejects.toMatchObject({ code })
  })
})

test.each([70_000, 2 ** 32 - 1, 0])('A camera RAW file with the orientation %d is seen as it lies', async value => {
  const file = await rawFile('DNG', 6)
  const entry = file.indexOf(Buffer.from('120103000100000006', 'hex'))
  file.writeUInt16LE(4, entry + 2)
  file.writeUInt32LE(value, entry + 8)
  expect(await preprocess(file, OPTIONS)).toEqual(await preprocess(await rawFile('DNG'), OPTIONS))
})

describe.each(['DNG', 'ORF', 'CR3', 'RAF'] as const)('a camera RAW file: %s', kind => {
  test('is seen as its largest JPEG, upright', async () => {
    const upright = await gradient(RAW_PREVIEW.width, RAW_PREVIEW.height).jpeg().toBuffer()
    const lying = await sharp(upright).withMetadata({ orientation: 6 }).jpeg({ quality: 100 }).toBuffer()
    expect(await preprocess(await rawFile(kind), OPTIONS)).toEqual(await preprocess(upright, OPTIONS))
    const turned = await preprocess(await rawFile(kind, 6), OPTIONS)
    expect(difference(turned, await preprocess(lying, OPTIONS)).mean).toBeLessThan(1)
  })

  test('fills the columns of its photo', async () => {
    const file = await rawFile(kind, 8)
    const { photo } = await decode(file, OPTIONS)
    expect((await readFileMetadata(file, photo))?.columns).toMatchObject({
      exif_camera_make: 'Maker',
      exif_camera_model: 'Camera 1',
      exif_iso: 800,
      exif_orientation: 8,
      photo_width: 240,
      photo_height: 320,
      ...(kind === 'RAF'
        ? {}
        : { exif_exposure_time: '1/250', exif_time_offset: '+02:00', photo_submitted_at: '2021-07-14 18:03:22' }),
    })
  })

  test('without a JPEG is named', async () => {
    const file = await rawFile(kind)
    const { jpeg } = largestJpeg(file)!
    file.fill(0, file.indexOf(jpeg), file.indexOf(jpeg) + 2)
    await expect(decode(file, OPTIONS)).rejects.toMatchObject({ code: 'UNSUPPORTED_IMAGE', message: /RAW/ })
  })

  test('that is cut anywhere fails alone, or is seen', async () => {
    const file = await rawFile(kind)
    for (let length = 20; length < file.length; length += 997) {
      const outcome = await decode(file.subarray(0, length), OPTIONS).catch(error => error.name)
      expect(typeof outcome === 'string' ? outcome : 'seen').toMatch(/^(?:PhotoError|seen)$/)
    }
  })
})
