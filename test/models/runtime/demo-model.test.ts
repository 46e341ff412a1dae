import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Encoder } from '../../../src/domain/ports/encoder.js'
import { cosineSimilarity, norm } from '../../../src/domain/similarity.js'
import { listModels } from '../../../src/models/catalog/list-models.js'
import { resolveModel } from '../../../src/models/catalog/registry.js'
import { ensureModelFiles } from '../../../src/models/files/files.js'
import { FolderSource } from '../../../src/models/files/folder-source.js'
import { verifyModel } from '../../../src/models/files/verify.js'
import { openOnnxEncoder } from '../../../src/models/runtime/onnx-encoder.js'

describe('the demo model', () => {
  const spec = resolveModel('demo')
  const nothing = join(tmpdir(), 'no-such-folder')
  let folder: string
  let encoder: Encoder

  beforeAll(async () => {
    folder = await ensureModelFiles(spec, { cacheDir: nothing, source: new FolderSource(nothing) })
    encoder = await openOnnxEncoder(spec, folder, { threads: 1, towers: 'both' })
  })

  afterAll(() => encoder.close())

  /** One colour, [input.size, input.size, 3]. */
  const plain = (red: number, green: number, blue: number) =>
    Uint8Array.from({ length: 3 * spec.input.size ** 2 }, (_, i) => [red, green, blue][i % 3]!)

  test('is here without any download', async () => {
    expect((await listModels([spec], nothing)).find(({ name }) => name === 'demo')).toMatchObject({
      present: true,
      folder,
    })
    expect((await verifyModel(spec, folder)).filter(({ ok }) => !ok)).toEqual([])
  })

  test('is what the registry says of it', async () => {
    const read = async (name: string) => JSON.parse(await readFile(join(folder, name), 'utf8'))
    const config = await read('config.json')
    const preprocessor = await read('preprocessor_config.json')
    expect({
      dimension: config.projection_dim,
      imageSize: preprocessor.size.shortest_edge,
      contextLength: config.text_config.max_position_embeddings,
      mean: preprocessor.image_mean,
      std: preprocessor.image_std,
      logitScale: Math.round(Math.exp(config.logit_scale_init_value)),
    }).toEqual({
      dimension: spec.dimension,
      imageSize: spec.input.size,
      contextLength: spec.text?.contextLength,
      mean: [...spec.mean],
      std: [...spec.std],
      logitScale: spec.logitScale,
    })
  })

  test('has its own digest as its revision', () => {
    expect(encoder.model).toMatchObject({ name: 'demo', precision: 'fp32', dimension: 128 })
    expect(encoder.model.revision).toMatch(/^[0-9a-f]{12}$/)
  })

  test('gives unit vectors for images and texts', async () => {
    const vectors = [
      ...(await encoder.encodeImages([plain(20, 20, 60), plain(200, 220, 250)])),
      ...(await encoder.encodeTexts(['a dog in the snow', '', 'words '.repeat(500)])),
    ]
    expect(vectors.map(vector => vector.length)).toEqual(Array(5).fill(128))
    for (const vector of vectors) expect(norm(vector)).toBeCloseTo(1, 6)
  })

  test('gives an image the same embedding in every company, in the order of the images', async () => {
    const images = Array.from({ length: 20 }, (_, i) => plain(i * 12, 255 - i * 12, (i * 50) % 256))
    const together = await encoder.encodeImages(images)
    for (const i of [0, 7, 8, 19]) {
      const [alone] = await encoder.encodeImages([images[i]!])
      expect(cosineSimilarity(alone!, together[i]!)).toBeGreaterThan(0.999999)
    }
  })
})
