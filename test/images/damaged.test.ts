import fc from 'fast-check'
import { expect, test } from 'vitest'
import { PhotoError } from '../../src/domain/errors.js'
import { clipInput } from '../../src/domain/image-input.js'
import { preprocess } from '../../src/images/decode.js'
import { compress } from '../../src/images/store-copy.js'
import { noise } from '../support/images/sample-images.js'

const maxPixels = 5_000_000

/** The code of the failure, or null. Anything but a PhotoError is thrown on. */
async function codeOf(work: Promise<unknown>): Promise<string | null> {
  try {
    await work
    return null
  } catch (error) {
    if (error instanceof PhotoError) return error.code
    throw error
  }
}

const image = () => noise(40, 30)

test.each([
  ['JPEG', () => image().jpeg()],
  ['progressive JPEG', () => image().jpeg({ progressive: true })],
  ['CMYK JPEG', () => image().toColourspace('cmyk').jpeg()],
  ['PNG', () => image().png()],
  ['palette PNG', () => image().png({ palette: true })],
  ['WebP', () => image().webp()],
  ['GIF', () => image().gif()],
  ['TIFF', () => image().tiff({ compression: 'lzw' })],
  ['AVIF', () => image().avif({ effort: 0 })],
])('A %s with any bytes changed gives pixels or says what is wrong with it', async (_format, make) => {
  const sound = await make().toBuffer()
  const change = fc.tuple(
    fc.integer({ min: 0, max: Math.min(400, sound.length) - 1 }),
    fc.integer({ min: 0, max: 255 }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 8 }), async changes => {
      const damaged = Buffer.from(sound)
      for (const [at, value] of changes) damaged[at] = value
      for (const work of [
        () => preprocess(damaged, { input: clipInput(32), maxPixels }),
        () => compress(damaged, { height: 64, quality: 65, maxPixels }),
      ])
        expect([null, 'DECODE_FAILED', 'NOT_AN_IMAGE', 'UNSUPPORTED_IMAGE', 'TOO_MANY_PIXELS']).toContain(
          await codeOf(work()),
        )
    }),
    { numRuns: 40 },
  )
})
