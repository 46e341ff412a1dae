import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { InferenceSession } from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { rewriteWarnings } from '../../../src/domain/rewrite.js'
import { cosineSimilarity, normalise } from '../../../src/domain/similarity.js'
import { knownModels } from '../../../src/models/catalog/model-folders.js'
import { type ModelSpec, resolveModel } from '../../../src/models/catalog/registry.js'
import { describeRewrites } from '../../../src/models/check/describe-rewrites.js'
import { type ModelGraph, mapModel } from '../../../src/models/graph/model-file.js'
import { useSignedWeights } from '../../../src/models/graph/signed-weights.js'
import { openOnnxEncoder } from '../../../src/models/runtime/onnx-encoder.js'
import { PixelNormaliser } from '../../../src/models/runtime/pixels.js'
import { planRewrites } from '../../../src/models/runtime/rewrite-graph.js'
import { pixelTensor, Tower } from '../../../src/models/runtime/tower.js'
import { EXPORTED, type Exported } from '../../support/models/exported.js'

/** What tools/exported-miniatures/make.py embedded. */
const PICTURES = 4
const TEXTS = ['a dog', 'two red cars', 'night']
/** In floating point the rewrites change nothing but the order of sums. */
const EQUAL = 0.99999

interface Embeddings {
  readonly images: readonly Float32Array[]
  readonly texts: readonly Float32Array[]
}

describe.each(Object.entries(EXPORTED))('%s', (name, precisions) => {
  let folders: string
  let folder: string
  let expected: Embeddings

  beforeAll(async () => {
    folders = await mkdtemp(join(tmpdir(), 'fidelity-'))
    folder = join(folders, name)
    // A copy, because digests are noted beside the files.
    await cp(join(import.meta.dirname, '..', 'exported', name), folder, { recursive: true })
    const { images, texts = [] } = JSON.parse(await readFile(join(folder, 'expected.json'), 'utf8'))
    expected = { images: vectors(images), texts: vectors(texts) }
  })

  afterAll(() => rm(folders, { recursive: true }))

  test('every precision of its model.json is in the table', async () => {
    const entry = JSON.parse(await readFile(join(folder, 'model.json'), 'utf8'))
    expect(Object.keys(entry.precisions).sort()).toEqual(Object.keys(precisions).sort())
  })

  describe.each(Object.entries(precisions))('in %s', (precision, wanted: Exported) => {
    const spec = () => resolveModel(`${name}@${precision}`, knownModels([folder]))

    test('gets the rewrites of the table', async () => {
      const files = await describeRewrites(spec(), folder, { threads: 1, provider: 'cpu', vnni: true })
      expect(files[0]!.rewrites.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual(
        ['class-token-only', 'signed-weights', 'byte-pixels'].map((name, index) => `${name} ${wanted.image[index]}`),
      )
      const without = planRewrites(spec(), folder, { provider: 'cpu', vnni: false })
      const [token, weights, pixels] = wanted.image
      const unsigned = wanted.overflows && process.arch === 'x64' ? 'applied' : weights
      expect(without![0]!.rewrites.map(({ outcome }) => outcome)).toEqual([token, unsigned, pixels])
      expect(files.slice(1).flatMap(({ rewrites }) => rewrites.map(({ outcome }) => outcome))).toEqual(
        wanted.text ?? [],
      )
      expect(planRewrites(spec(), folder, { provider: 'cpu', vnni: true })).toEqual(files)
      const isSlow = wanted.image[1] === 'left-out'
      expect(rewriteWarnings(files)).toEqual(isSlow ? [expect.stringContaining('keep unsigned weights')] : [])
    })

    test('embeds as the checkpoint in PyTorch does', async () => {
      const found = await embed(spec(), folder)
      expect(least(found.images, expected.images).centred).toBeGreaterThan(wanted.images)
      expect(found.texts.length).toBe(expected.texts.length)
      expect(least(found.texts, expected.texts).centred).toBeGreaterThan(wanted.texts ?? EQUAL)
    })

    test.each([true, false])('embeds images as the runtime does from the file as it is (VNNI: %s)', async vnni => {
      const { images } = await embed(spec(), folder, vnni)
      const plain = await embedUntouched(spec(), folder)
      const { direct, centred } = least(images, plain)
      expect(direct).toBeGreaterThan(wanted.untouched?.direct ?? EQUAL)
      expect(centred).toBeGreaterThan(wanted.untouched?.centred ?? EQUAL)
    })

    if (wanted.image[1] === 'applied')
      test('embeds images to the last bit as the file as it is when only its weights are signed', async () => {
        const found = await embedUntouched(spec(), folder, useSignedWeights)
        expect(found).toEqual(await embedUntouched(spec(), folder))
      })
  })
})

/** RGB bytes, [size, size, 3] each, as the script computes them: noise in several brightnesses. */
function pictures(size: number): Uint8Array[] {
  let state = 11
  return Array.from({ length: PICTURES }, (_, index) =>
    Uint8Array.from({ length: size * size * 3 }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return Math.floor(((state >>> 24) * (1 + index)) / PICTURES)
    }),
  )
}

async function embed(spec: ModelSpec, folder: string, vnni = true): Promise<Embeddings> {
  const encoder = await openOnnxEncoder(spec, folder, { threads: 1, towers: 'both', vnni })
  try {
    return {
      images: await encoder.encodeImages(pictures(spec.input.size)),
      texts: encoder.hasTexts ? await encoder.encodeTexts(TEXTS) : [],
    }
  } finally {
    await encoder.close()
  }
}

/** @param change applied to the graph; absent: the runtime gets the file itself */
async function embedUntouched(
  spec: ModelSpec,
  folder: string,
  change?: (graph: ModelGraph) => unknown,
): Promise<Float32Array[]> {
  const path = join(folder, spec.visionFile)
  const extra = { session: { model_external_initializers_file_folder_path: dirname(path) } }
  const session = change
    ? await InferenceSession.create(mapModel(path, change), { intraOpNumThreads: 1, extra })
    : await InferenceSession.create(path, { intraOpNumThreads: 1 })
  const { dimension, input, mean, std } = spec
  const contextLength = spec.text?.contextLength
  const tower = Tower.ofImages(session, path, { dimension, imageSize: input.size, contextLength })
  const { name, type } = tower.inputs.pixels!
  const pixels = new PixelNormaliser(input.size, mean, std, type)
  const step = tower.takesOneImage ? 1 : PICTURES
  const rows: Float32Array[] = []
  for (let first = 0; first < PICTURES; first += step) {
    const some = pictures(input.size).slice(first, first + step)
    const found = await tower.run({ [name]: pixelTensor(type, pixels.normalise(some), step, input.size) }, step)
    for (let row = 0; row < step; row++) rows.push(normalise(found.slice(row * dimension, (row + 1) * dimension)))
  }
  await session.release()
  return rows
}

/**
 * The least cosine similarity of two lists of embeddings: direct, and without the mean of the list. With random weights
 * embeddings of different pictures are similar, so a wrong one could hide behind the mean.
 */
function least(found: readonly Float32Array[], wanted: readonly Float32Array[]): { direct: number; centred: number } {
  const lowest = (a: readonly Float32Array[], b: readonly Float32Array[]) =>
    Math.min(1, ...a.map((row, index) => cosineSimilarity(row, b[index]!)))
  const mean = (wanted[0] ?? []).map((_, at) => wanted.reduce((sum, row) => sum + row[at]!, 0) / wanted.length)
  const centred = (rows: readonly Float32Array[]) => rows.map(row => row.map((value, at) => value - mean[at]!))
  return { direct: lowest(found, wanted), centred: lowest(centred(found), centred(wanted)) }
}

const vectors = (rows: readonly number[][]) => rows.map(row => Float32Array.from(row))
