import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { clipInput } from '../../src/domain/image-input.js'
import { preprocess } from '../../src/images/decode.js'
import { clipYardstick, meanAbsoluteDifference } from '../support/models/clip-yardstick.js'
import { hasReference, REFERENCE } from '../support/servers/requirements.js'

interface Entry {
  name: string
  input: string
  expected: string
  mode: 'RGB' | 'L' | 'RGBA' | 'P' | 'CMYK'
}

/** Difference to CLIP's own preprocessing, in levels of 255. */
const LIMIT = { mean: 0.5, most: 8 }
/**
 * Pillow resizes a palette to the nearest neighbour, here it becomes RGB first and is resized as every image. Measured 6.5
 * and 123; the limit notices a conversion that goes wrong.
 */
const LIMITS: Partial<Record<Entry['mode'], typeof LIMIT>> = { P: { mean: 8, most: 128 } }

describe.skipIf(!hasReference())('Preprocessing', () => {
  const folder = resolve(REFERENCE, 'preprocess')
  const entries: Entry[] = hasReference() ? JSON.parse(readFileSync(resolve(folder, 'manifest.json'), 'utf8')) : []
  const rgb = async (image: Buffer) =>
    await sharp(image, { ignoreIcc: true })
      .removeAlpha()
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true })

  test('comes within 0.5/255 of CLIP’s own on average and 8/255 at most for every RGB, grey and RGBA reference', async () => {
    const rows: { name: string; mode: Entry['mode']; mean: number; most: number }[] = []
    for (const { name, input, expected, mode } of entries) {
      const ours = await preprocess(await readFile(resolve(folder, input)), {
        input: clipInput(224),
        maxPixels: 120_000_000,
      })
      const theirs = (await rgb(await readFile(resolve(folder, expected)))).data
      const most = ours.reduce((most, value, i) => Math.max(most, Math.abs(value - theirs[i]!)), 0)
      rows.push({ name, mode, mean: meanAbsoluteDifference(ours, theirs), most })
    }
    console.table(rows.map(row => ({ ...row, mean: row.mean.toFixed(3) })))
    expect(rows).toHaveLength(59)
    const isFar = ({ mode, mean, most }: (typeof rows)[number]) => {
      const limit = LIMITS[mode] ?? LIMIT
      return mean > limit.mean || most > limit.most
    }
    expect(rows.filter(isFar)).toEqual([])
  })

  test('has a yardstick that is CLIP’s own, bit for bit', async () => {
    for (const { name, input, expected } of entries.filter(({ mode }) => mode !== 'P' && mode !== 'CMYK')) {
      const { data, info } = await rgb(await readFile(resolve(folder, input)))
      const yardstick = clipYardstick({ data, width: info.width, height: info.height, channels: 3 }, 224)
      const theirs = (await rgb(await readFile(resolve(folder, expected)))).data
      expect({ name, difference: meanAbsoluteDifference(yardstick, theirs) }).toEqual({ name, difference: 0 })
    }
  })
})
