import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { preprocess } from '../../../src/workers/preprocess.js'
import { clipYardstick, meanAbsoluteDifference } from '../../support/clip-yardstick.js'
import { hasReference, REFERENCE } from '../../support/requirements.js'

interface Entry {
  name: string
  input: string
  expected: string
  mode: 'RGB' | 'L' | 'RGBA' | 'P' | 'CMYK'
}

/** Mean absolute difference to CLIP's own preprocessing, in levels of 255. */
const LIMIT = 0.5
/**
 * Pillow resizes a palette to the nearest neighbour, here it becomes RGB first and is resized as every image. Measured 6.5;
 * the limit notices a conversion that goes wrong.
 */
const LIMITS: Partial<Record<Entry['mode'], number>> = { P: 8 }

describe.skipIf(!hasReference())('Preprocessing', () => {
  const folder = resolve(REFERENCE, 'preprocess')
  const entries: Entry[] = hasReference() ? JSON.parse(readFileSync(resolve(folder, 'manifest.json'), 'utf8')) : []
  const rgb = async (image: string | Buffer) =>
    await sharp(image, { ignoreIcc: true })
      .removeAlpha()
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true })

  test('comes within 0.5/255 of CLIP’s own for every RGB, grey and RGBA reference', async () => {
    const rows: { name: string; mode: Entry['mode']; difference: number }[] = []
    for (const { name, input, expected, mode } of entries) {
      const ours = await preprocess(await readFile(resolve(folder, input)), { size: 224, maxPixels: 120_000_000 })
      const theirs = (await rgb(resolve(folder, expected))).data
      rows.push({ name, mode, difference: meanAbsoluteDifference(ours, theirs) })
    }
    console.table(rows.map(row => ({ ...row, difference: row.difference.toFixed(3) })))
    expect(rows).toHaveLength(59)
    expect(rows.filter(({ mode, difference }) => difference > (LIMITS[mode] ?? LIMIT))).toEqual([])
  })

  test('has a yardstick that is CLIP’s own, bit for bit', async () => {
    for (const { name, input, expected } of entries.filter(({ mode }) => mode !== 'P' && mode !== 'CMYK')) {
      const { data, info } = await rgb(await readFile(resolve(folder, input)))
      const yardstick = clipYardstick({ data, width: info.width, height: info.height, channels: 3 }, 224)
      const theirs = (await rgb(resolve(folder, expected))).data
      expect({ name, difference: meanAbsoluteDifference(yardstick, theirs) }).toEqual({ name, difference: 0 })
    }
  })
})
