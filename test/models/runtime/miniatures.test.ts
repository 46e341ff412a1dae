import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Encoder } from '../../../src/domain/ports/encoder.js'
import { cosineSimilarity, norm } from '../../../src/domain/similarity.js'
import { knownModels } from '../../../src/models/catalog/model-folders.js'
import { type ModelSpec, resolveModel } from '../../../src/models/catalog/registry.js'
import { modelFolder } from '../../../src/models/files/files.js'
import { openOnnxEncoder } from '../../../src/models/runtime/onnx-encoder.js'
import { type Miniature, SHAPES, type Shape, writeMiniature } from '../../support/models/miniatures.js'
import { randomNumbers } from '../../support/random-numbers.js'

describe.each(SHAPES)('a model of the shape %s', shape => {
  let folder: string
  let miniature: Miniature
  let spec: ModelSpec
  let encoder: Encoder

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'miniature-'))
    miniature = await writeMiniature(shape, folder)
    spec = resolveModel(miniature.reference, knownModels([folder]))
    encoder = await openOnnxEncoder(spec, modelFolder(spec, 'nowhere'), { threads: 1, towers: 'both' })
  })

  afterAll(async () => {
    await encoder.close()
    await rm(folder, { recursive: true })
  })

  test('gives different images different embeddings of unit length, the same in every company', async () => {
    const images = randomImages(11, spec.input.size)
    const together = await encoder.encodeImages(images)
    expect(together.map(embedding => embedding.length)).toEqual(new Array(11).fill(spec.dimension))
    for (const [i, embedding] of together.entries()) {
      expect(norm(embedding)).toBeCloseTo(1, 6)
      const [alone] = await encoder.encodeImages([images[i]!])
      expect(cosineSimilarity(alone!, embedding)).toBeGreaterThan(0.999)
      for (const other of together.slice(0, i)) expect(cosineSimilarity(other, embedding)).toBeLessThan(0.999)
    }
  })

  test('gives different texts different embeddings of unit length, or says that it embeds images alone', async () => {
    expect(encoder.hasTexts).toBe(miniature.hasTexts)
    const texts = ['A photo taken at dawn', 'a photo taken at night', '', 'words '.repeat(500)]
    if (!miniature.hasTexts) {
      await expect(encoder.encodeTexts(texts)).rejects.toMatchObject({
        code: 'MODEL_WITHOUT_TEXT',
        message: expect.stringContaining('--image'),
      })
      return
    }
    const embeddings = await encoder.encodeTexts(texts)
    for (const [i, embedding] of embeddings.entries()) {
      expect(embedding.length).toBe(spec.dimension)
      expect(norm(embedding)).toBeCloseTo(1, 6)
      for (const other of embeddings.slice(0, i)) expect(cosineSimilarity(other, embedding)).toBeLessThan(0.999)
    }
  })
})

describe('the same weights', () => {
  let folders: string

  beforeAll(async () => {
    folders = await mkdtemp(join(tmpdir(), 'precisions-'))
  })

  afterAll(() => rm(folders, { recursive: true }))

  async function embeddingsOf(shape: Shape): Promise<Float32Array[]> {
    const folder = join(folders, shape)
    const { reference } = await writeMiniature(shape, folder)
    const encoder = await openOnnxEncoder(resolveModel(reference, knownModels([folder])), folder, { threads: 1 })
    try {
      return [
        ...(await encoder.encodeImages(randomImages(5, 32))),
        ...(await encoder.encodeTexts(['a dog', 'at night'])),
      ]
    } finally {
      await encoder.close()
    }
  }

  test.each([
    ['clip-fp16', 0.9999],
    ['clip-int8', 0.99],
    ['combined', 0.999999],
  ] as const)('give the embeddings of fp32 as %s, to a cosine similarity of %f', async (shape, least) => {
    const [wanted, found] = [await embeddingsOf('clip-fp32'), await embeddingsOf(shape)]
    for (const [i, embedding] of found.entries()) expect(cosineSimilarity(embedding, wanted[i]!)).toBeGreaterThan(least)
  })
})

describe('a file of another precision in the place of the right one', () => {
  const clips = SHAPES.filter(shape => shape.startsWith('clip-'))
  const pairs = clips.flatMap(wanted => clips.filter(shape => shape !== wanted).map(given => [given, wanted] as const))
  let folders: string

  beforeAll(async () => {
    folders = await mkdtemp(join(tmpdir(), 'swapped-'))
    for (const shape of clips) await writeMiniature(shape, join(folders, shape))
  })

  afterAll(() => rm(folders, { recursive: true }))

  test.each(pairs)('%s instead of %s is refused', async (given, wanted) => {
    const folder = join(folders, `${given}-for-${wanted}`)
    const [right, wrong] = [await writeMiniature(wanted, folder), resolveMiniature(given)]
    const { vision } = right.entry.precisions[right.entry.defaultPrecision]!
    await copyFile(join(folders, given, wrong.visionFile), join(folder, vision))
    const spec = resolveModel(right.reference, knownModels([folder]))
    await expect(openOnnxEncoder(spec, folder, { threads: 1, towers: 'image' })).rejects.toMatchObject({
      code: 'MODEL_INVALID',
      message: expect.stringContaining(
        `expected weights in ${spec.precision}, as in its entry, found ${wrong.precision}`,
      ),
    })
  })

  function resolveMiniature(shape: Shape): ModelSpec {
    return resolveModel(`mini-${shape}`, knownModels([join(folders, shape)]))
  }
})

/** RGB bytes, [size, size, 3] each. */
function randomImages(count: number, size: number): Uint8Array[] {
  const random = randomNumbers(7)
  return Array.from({ length: count }, () => Uint8Array.from({ length: 3 * size ** 2 }, () => (random() + 0.5) * 256))
}
