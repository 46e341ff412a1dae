import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { clipInput } from '../../src/domain/image-input.js'
import { copyKey } from '../../src/domain/places/copy-key.js'
import { decode } from '../../src/images/decode.js'
import { compress, storeCopy } from '../../src/images/store-copy.js'
import { FolderStore } from '../../src/storage/folder-store.js'
import { fiveChannelTiff, gradient, jpegPhoto, pngBomb } from '../support/images/sample-images.js'

const SETTINGS = { height: 512, quality: 65, maxPixels: 20_000_000 }

let folder: string
let store: FolderStore
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unsplash-clip-copies-'))
  store = new FolderStore(folder)
})
afterEach(() => rm(folder, { recursive: true }))

describe('The key of a copy', () => {
  test('says the settings it was made with, so that other settings never overwrite it', () => {
    expect(copyKey('-N_UwPdUs7E', SETTINGS)).toBe('h512-q65/-N_UwPdUs7E.jpg')
    expect(copyKey('-N_UwPdUs7E', { height: 256, quality: 80 })).toBe('h256-q80/-N_UwPdUs7E.jpg')
  })

  test.each(['', '..', 'a/b', 'a b', 'x'.repeat(65)])('is not made of %j', id => {
    expect(() => copyKey(id, SETTINGS)).toThrow(RangeError)
  })
})

describe('Storing a copy', () => {
  test('puts it under its key', async () => {
    const key = await storeCopy(await jpegPhoto(900, 600), 'photo-1', store, SETTINGS)
    expect(key).toBe('h512-q65/photo-1.jpg')
    expect(await sharp((await store.get(key))!).metadata()).toMatchObject({ format: 'jpeg', width: 768, height: 512 })
  })

  test('drops the extra channels of a TIFF, and turns it upright', async () => {
    const rgb = gradient(900, 600)
    const lying = sharp(await fiveChannelTiff(rgb)).withMetadata({ orientation: 6 })
    const copy = await compress(await lying.tiff({ compression: 'lzw' }).toBuffer(), SETTINGS)
    const expected = await compress(
      await sharp(await rgb.png().toBuffer())
        .rotate(90)
        .png()
        .toBuffer(),
      SETTINGS,
    )
    expect(await sharp(copy).metadata()).toMatchObject({ width: 341, height: 512, channels: 3 })
    expect(Buffer.compare(copy, expected)).toBe(0)
  })

  test('does nothing when it is there already, not even decode the image', async () => {
    await store.put('h512-q65/photo-1.jpg', Buffer.from('earlier'))
    await storeCopy(Buffer.from('not an image'), 'photo-1', store, SETTINGS)
    expect(await store.get('h512-q65/photo-1.jpg')).toEqual(Buffer.from('earlier'))
  })

  test('stores nothing of an image that cannot be decoded', async () => {
    const half = (await jpegPhoto()).subarray(0, 2000)
    await expect(storeCopy(half, 'photo-1', store, SETTINGS)).rejects.toMatchObject({ code: 'DECODE_FAILED' })
    await expect(storeCopy(await pngBomb(9000, 9000), 'photo-1', store, SETTINGS)).rejects.toMatchObject({
      code: 'TOO_MANY_PIXELS',
    })
    expect(await store.has('h512-q65/photo-1.jpg')).toBe(false)
  })
})

describe('A copy', () => {
  const copyOf = async (image: Buffer, settings = SETTINGS) => {
    const copy = await compress(image, settings)
    const { data } = await sharp(copy).raw().toBuffer({ resolveWithObject: true })
    return { ...(await sharp(copy).metadata()), size: copy.length, first: [...data.subarray(0, 3)] }
  }
  const near = (colour: number[], tolerance: number) =>
    colour.map(value => expect.toSatisfy((found: number) => Math.abs(found - value) <= tolerance, `${value}`))

  test.each([
    [[1500, 1000], 512, [768, 512]],
    [[1000, 1500], 512, [341, 512]],
    [[300, 200], 512, [300, 200]],
    [[2000, 512], 512, [2000, 512]],
    [[600, 400], 100, [150, 100]],
  ])('of %j at height %d is %j, never larger than the photo', async ([width, height], limit, [w, h]) => {
    const image = await gradient(width!, height!).png().toBuffer()
    expect(await copyOf(image, { ...SETTINGS, height: limit })).toMatchObject({ width: w, height: h, format: 'jpeg' })
  })

  test('of an image that is wider than a JPEG can be is as wide as one can be', async () => {
    const wide = await sharp({ create: { width: 70_000, height: 100, channels: 3, background: 'red' } })
      .png()
      .toBuffer()
    expect(await copyOf(wide)).toMatchObject({ width: 65_500, height: 94 })
  })

  test('gets smaller with less quality', async () => {
    const photo = await jpegPhoto(900, 600)
    const [coarse, fine] = [await copyOf(photo, { ...SETTINGS, quality: 20 }), await copyOf(photo)]
    expect(coarse.size).toBeLessThan(fine.size)
  })

  test('is upright and holds no metadata', async () => {
    const photo = await gradient(300, 200)
      .withExif({ IFD0: { Copyright: 'somebody', Make: 'a camera' } })
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toBuffer()
    const copy = await copyOf(photo)
    expect(copy).toMatchObject({ width: 200, height: 300 })
    for (const kind of ['exif', 'icc', 'iptc', 'xmp', 'orientation'] as const) expect(copy[kind]).toBeUndefined()
  })

  test('is sRGB, whatever the profile of the photo', async () => {
    const background = '#cc3333'
    const p3 = await sharp({ create: { width: 64, height: 64, channels: 3, background } })
      .withIccProfile('p3')
      .png()
      .toBuffer()
    expect((await copyOf(p3)).first).toEqual(near([204, 51, 51], 4))
  })

  test('of CMYK is RGB, and of grey looks grey', async () => {
    const red = sharp({ create: { width: 64, height: 64, channels: 3, background: '#cc3333' } })
    const cmyk = await copyOf(await red.clone().toColourspace('cmyk').jpeg().toBuffer())
    expect(cmyk.space).toBe('srgb')
    expect(cmyk.first).toEqual(near([204, 51, 51], 25))
    const grey = await copyOf(await red.clone().toColourspace('b-w').png().toBuffer())
    expect(new Set(grey.first).size).toBe(1)
  })

  test('is white where the image is transparent', async () => {
    const background = { r: 200, g: 0, b: 0, alpha: 0 }
    const clear = await sharp({ create: { width: 64, height: 64, channels: 4, background } })
      .png()
      .toBuffer()
    expect((await copyOf(clear)).first).toEqual([255, 255, 255])
  })
})

describe('A copy of a photo that was decoded for the model', () => {
  const previewOf = async (image: Buffer, copyHeight = SETTINGS.height) => {
    const { maxPixels } = SETTINGS
    return (await decode(image, { input: clipInput(224), maxPixels, copyHeight })).preview
  }
  const pixelsOf = (jpeg: Buffer) => sharp(jpeg).raw().toBuffer({ resolveWithObject: true })

  test.each([
    [900, 1200, {}],
    [1201, 801, {}],
    [2800, 2100, {}],
    [2401, 3201, {}],
    [2800, 2100, { progressive: true }],
  ])('of %d × %d pixels looks as one of the photo itself %j', async (width, height, kind) => {
    const photo = await gradient(width, height)
      .composite([{ input: await jpegPhoto(600, 600), left: 300, top: 200 }])
      .jpeg(kind)
      .toBuffer()
    const preview = await previewOf(photo)
    const [direct, derived] = [
      await pixelsOf(await compress(photo, SETTINGS)),
      await pixelsOf(await compress(preview!, SETTINGS)),
    ]
    expect(derived.info).toMatchObject({ width: direct.info.width, height: 512, channels: 3 })
    const differences = direct.data.map((value, i) => Math.abs(value - derived.data[i]!))
    expect(differences.reduce((sum, value) => sum + value, 0) / differences.length).toBeLessThan(1.5)
  })

  test('takes no second look at the data of the photo', async () => {
    const copy = await compress((await previewOf(await jpegPhoto(2800, 2100)))!, SETTINGS)
    expect(await sharp(copy).metadata()).toMatchObject({ width: 683, height: 512 })
  })

  test('is made of the photo when the model saw one that is lower', async () => {
    const photo = await jpegPhoto(2800, 2100)
    expect(await previewOf(photo, 1051)).toBeUndefined()
    const copy = await compress(photo, { ...SETTINGS, height: 1051 })
    expect(await sharp(copy).metadata()).toMatchObject({ width: 1401, height: 1051 })
    await expect(compress((await previewOf(photo))!, { ...SETTINGS, height: 1051 })).rejects.toThrow(
      'expected a preview that is at least 1051 pixels high, found 512',
    )
  })

  test.each([
    ['lower than the copy', () => gradient(700, 500).jpeg()],
    ['very wide', () => gradient(20_000, 600).jpeg()],
    ['very high', () => gradient(230, 60_000).jpeg()],
    ['small and progressive', () => gradient(1100, 800).jpeg({ progressive: true })],
    ['no JPEG', () => gradient(2800, 2100).png()],
    ['not upright', () => gradient(2800, 2100).withMetadata({ orientation: 6 }).jpeg()],
    ['of colours with a profile', () => gradient(2800, 2100).withIccProfile('p3').jpeg()],
  ])('needs the photo when that is %s', async (_, make) => {
    expect(await previewOf(await make().toBuffer())).toBeUndefined()
  })
})
