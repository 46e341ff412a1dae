import { existsSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Encoder } from '../../../src/domain/ports/encoder.js'
import { cosineSimilarity } from '../../../src/domain/similarity.js'
import { preprocess } from '../../../src/images/decode.js'
import { knownModels } from '../../../src/models/catalog/model-folders.js'
import { resolveModel } from '../../../src/models/catalog/registry.js'
import { openOnnxEncoder } from '../../../src/models/runtime/onnx-encoder.js'
import { add, emptyCache, fromHub, hub, REPOSITORIES, useHub } from './adding.js'

interface Expected {
  readonly about: string
  readonly dimension: number
  readonly images: readonly number[][]
  readonly texts?: readonly number[][]
  readonly logitScale?: number
}

const CLIP_PIXELS = { mean: [0.48145466, 0.4578275, 0.40821073], std: [0.26862954, 0.26130258, 0.27577711] }
const CROP = { fit: 'crop', cropShare: 1, kernel: 'bicubic' }
const SOFTMAX = { scoring: 'softmax', logitScale: 100, logitBias: 0 }

/** What is derived for each repository. */
const DERIVED: Readonly<Record<string, object>> = {
  clip: {
    input: { ...CROP, size: 32 },
    ...CLIP_PIXELS,
    text: { contextLength: 77, clean: 'openai' },
    scoring: 'softmax',
    logitScale: 99.484306,
    precisions: { fp32: { vision: 'onnx/vision_model.onnx', text: 'onnx/text_model.onnx' } },
  },
  'clip-merged': {
    input: { ...CROP, size: 32 },
    ...CLIP_PIXELS,
    ...SOFTMAX,
    text: { contextLength: 77, clean: 'openai' },
    precisions: { fp32: { vision: 'model.onnx', text: 'model.onnx' } },
  },
  siglip: {
    input: { size: 32, fit: 'squash', cropShare: 1, kernel: 'bicubic' },
    mean: [0.5, 0.5, 0.5],
    std: [0.5, 0.5, 0.5],
    text: { contextLength: 16, padId: 1, lowerCase: true, dropPunctuation: true },
    scoring: 'sigmoid',
  },
  siglip2: {
    input: { size: 32, fit: 'squash', cropShare: 1, kernel: 'bilinear' },
    text: { contextLength: 16, padId: 0, lowerCase: true },
    scoring: 'sigmoid',
  },
  mobileclip: {
    input: { size: 64, fit: 'crop', cropShare: 1, kernel: 'bilinear' },
    mean: [0, 0, 0],
    std: [1, 1, 1],
    text: { contextLength: 77, padId: 0, clean: 'openai' },
  },
  'open-clip': {
    input: { ...CROP, size: 32 },
    ...CLIP_PIXELS,
    text: { contextLength: 77, clean: 'openai' },
    precisions: { fp32: { vision: 'visual/model.onnx', text: 'textual/model.onnx' } },
  },
  'jina-clip': {
    input: { ...CROP, size: 32 },
    ...CLIP_PIXELS,
    text: { contextLength: 512 },
    precisions: { fp32: { vision: 'onnx/model.onnx', text: 'onnx/model.onnx', others: ['onnx/model.onnx_data'] } },
  },
  dinov2: {
    input: { size: 28, fit: 'crop', cropShare: 0.875, kernel: 'bicubic' },
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
    pooling: 'first',
    precisions: { fp32: { vision: 'model.onnx' } },
  },
  efficientnet: {
    input: { size: 160, fit: 'crop', kernel: 'bicubic' },
    precisions: { fp32: { vision: 'model.onnx' } },
  },
}

const TEXTS = JSON.parse(
  /^TEXTS = (\[.*\])$/m.exec(readFileSync('tools/exported-repositories/make.py', 'utf8'))![1]!,
) as string[]

useHub()

/** Full sizes, made by hand: OF=FOLDER with what make.py wrote. */
const made = process.env.EXPORTED_REPOSITORIES ?? REPOSITORIES
const names = Object.keys(DERIVED).filter(name => existsSync(join(made, name)))

describe.each(names)('the export %s', name => {
  test('is added from a hub, and embeds pictures and texts as its library does', async () => {
    const expected = JSON.parse(await readFile(join(made, `${name}.expected.json`), 'utf8')) as Expected
    hub.publish(`lab/${name}`, join(made, name), { license: 'mit' })
    const { cacheDir, lock } = await emptyCache()
    const added = await add({ repository: fromHub(`lab/${name}`), cacheDir, lock, maxBytes: 20e9 })
    if (made === REPOSITORIES) expect(added.entry).toMatchObject(DERIVED[name]!)
    expect(added.entry).toMatchObject({ name, license: 'mit', dimension: expected.dimension })
    expect(added.entry.text === undefined).toBe(expected.texts === undefined)

    // As every later command and worker finds it.
    const spec = resolveModel(name, knownModels([], lock))
    const encoder = await openOnnxEncoder(spec, join(cacheDir, name), { threads: 1 })
    try {
      const found = await embed(encoder)
      const [images, texts] = [least(found.images, expected.images), least(found.texts, expected.texts ?? [])]
      if (process.env.EXPORTED_REPOSITORIES) console.log(JSON.stringify({ images, texts, ...added.entry }))
      expect(images).toBeGreaterThan(0.999)
      expect(texts).toBeGreaterThan(0.999)
    } finally {
      await encoder.close()
    }
  })
})

async function embed(encoder: Encoder): Promise<{ images: Float32Array[]; texts: Float32Array[] }> {
  const files = [0, 1, 2].map(index => join(made, 'pictures', `${index}.jpg`))
  const pixels: Uint8Array[] = []
  for (const file of files)
    pixels.push(await preprocess(await readFile(file), { input: encoder.input, maxPixels: 1e8, jpegDecoder: 'auto' }))
  return {
    images: await encoder.encodeImages(pixels),
    texts: encoder.hasTexts ? await encoder.encodeTexts(TEXTS) : [],
  }
}

/** The least cosine similarity of embeddings with the library's. */
function least(found: readonly Float32Array[], expected: readonly (readonly number[])[]): number {
  expect(found.length).toBe(expected.length)
  return Math.min(1, ...expected.map((wanted, i) => cosineSimilarity(found[i]!, Float32Array.from(wanted))))
}
