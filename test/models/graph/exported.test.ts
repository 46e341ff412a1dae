import { dirname, join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { describe, expect, test } from 'vitest'
import { cosineSimilarity } from '../../../src/domain/similarity.js'
import { useBytePixels } from '../../../src/models/graph/byte-pixels.js'
import { useClassTokenOnly } from '../../../src/models/graph/class-token.js'
import { type ModelGraph, mapModel } from '../../../src/models/graph/model-file.js'
import type { Rewrite } from '../../../src/models/graph/rewrite.js'
import { useSignedWeights } from '../../../src/models/graph/signed-weights.js'
import { ImageFeeds } from '../../../src/models/runtime/image-feeds.js'
import { openSession } from '../../../src/models/runtime/session.js'
import { readInputs } from '../../../src/models/runtime/signature.js'
import { randomNumbers } from '../../support/random-numbers.js'

/** Files that real exporters wrote: see tools/exported-miniatures. */
const EXPORTED = join(import.meta.dirname, '..', 'exported')
const EXPORTERS = ['hub', 'optimum'] as const
const BATCH = 3
const SIZE = 32
/** CLIP's. */
const SCALE = { mean: [0.48145466, 0.4578275, 0.40821073], std: [0.26862954, 0.26130258, 0.27577711] }

const pixels = (() => {
  const random = randomNumbers(5)
  return Uint8Array.from({ length: BATCH * SIZE * SIZE * 3 }, () => (random() + 0.5) * 256)
})()

/** What the file as it is takes, [BATCH, 3, SIZE, SIZE]. */
function normalised(): Tensor {
  const plane = SIZE * SIZE
  const values = Float32Array.from({ length: pixels.length }, (_, at) => {
    const [image, channel, place] = [Math.floor(at / (3 * plane)), Math.floor(at / plane) % 3, at % plane]
    return (pixels[(image * plane + place) * 3 + channel]! / 255 - SCALE.mean[channel]!) / SCALE.std[channel]!
  })
  return new Tensor('float32', values, [BATCH, 3, SIZE, SIZE])
}

/** What a session takes: floats, bytes or levels. */
function pixelsFor(session: InferenceSession): Record<string, Tensor> {
  const images = Array.from({ length: BATCH }, (_, at) =>
    pixels.subarray((at * pixels.length) / BATCH, ((at + 1) * pixels.length) / BATCH),
  )
  return new ImageFeeds(readInputs('the model', session, SIZE), { size: SIZE, ...SCALE }).of(images)
}

async function embed(session: InferenceSession, feeds = pixelsFor(session)): Promise<Float32Array> {
  const { [session.outputNames[0]!]: embeds } = await session.run(feeds)
  await session.release()
  return embeds!.data as Float32Array
}

/** @returns the embeddings of the graph after a change of it, and what the change says of itself */
async function afterChange(path: string, change: (graph: ModelGraph) => Rewrite, feeds?: Record<string, Tensor>) {
  let rewrite: Rewrite | undefined
  const model = mapModel(path, graph => {
    rewrite = change(graph)
  })
  expect(rewrite!.outcome).not.toBe('left-out')
  const extra = { session: { model_external_initializers_file_folder_path: dirname(path) } }
  return { rewrite, embeddings: await embed(await InferenceSession.create(model, { extra }), feeds) }
}

function largestDifference(found: Float32Array, wanted: Float32Array): number {
  return Math.max(...found.map((value, at) => Math.abs(value - wanted[at]!))) / Math.max(...wanted.map(Math.abs))
}

function leastSimilarity(found: Float32Array, wanted: Float32Array): number {
  const width = found.length / BATCH
  const rows = (all: Float32Array) =>
    Array.from({ length: BATCH }, (_, row) => all.subarray(row * width, (row + 1) * width))
  return Math.min(...rows(found).map((row, index) => cosineSimilarity(row, rows(wanted)[index]!)))
}

describe.each(EXPORTERS)('CLIP as the %s exporter and quantiser write it', exporter => {
  const file = (name: string) => join(EXPORTED, exporter, name)
  const original = async (name: string, feeds: Record<string, Tensor>) =>
    embed(await InferenceSession.create(file(name)), feeds)

  test('in int8 gets signed weights, and gives the same to the last bit', async () => {
    const feeds = { pixel_values: normalised() }
    const { rewrite, embeddings } = await afterChange(file('vision_model_quantized.onnx'), useSignedWeights, feeds)
    expect(rewrite).toMatchObject({ outcome: 'applied', detail: '13 of 13 unsigned integer products' })
    expect(embeddings).toEqual(await original('vision_model_quantized.onnx', feeds))
  })

  test('in int8 takes levels of pixels, and gives the same to the last bit', async () => {
    const { rewrite, embeddings } = await afterChange(file('vision_model_quantized.onnx'), graph =>
      useBytePixels(graph, SIZE, SCALE),
    )
    expect(rewrite).toMatchObject({
      outcome: 'applied',
      detail: expect.stringMatching(/^32 filters of [48] × [48] pixels, integer products of levels of the pixels$/),
    })
    expect(embeddings).toEqual(await original('vision_model_quantized.onnx', { pixel_values: normalised() }))
  })

  test('in fp32 computes its last block for the class token alone, and gives the same', async () => {
    const feeds = { pixel_values: normalised() }
    const { rewrite, embeddings } = await afterChange(file('vision_model.onnx'), useClassTokenOnly, feeds)
    expect(rewrite!.outcome).toBe('applied')
    expect(largestDifference(embeddings, await original('vision_model.onnx', feeds))).toBeLessThan(1e-5)
  })

  test('in int8 computes its last block for the class token alone, and gives nearly the same', async () => {
    const feeds = { pixel_values: normalised() }
    const { rewrite, embeddings } = await afterChange(file('vision_model_quantized.onnx'), useClassTokenOnly, feeds)
    expect(rewrite!.outcome).toBe('applied')
    const wanted = await original('vision_model_quantized.onnx', feeds)
    expect(leastSimilarity(embeddings, wanted)).toBeGreaterThan(0.999)
  })

  test.each([
    ['vision_model.onnx', ['applied', 'not-needed', 'not-needed'], 0.99999],
    ['vision_model_quantized.onnx', ['applied', 'applied', 'applied'], 0.999],
  ] as const)('%s is opened with its rewrites, as a worker opens it', async (name, outcomes, similarity) => {
    let rewrites: readonly Rewrite[] = []
    const options = { threads: 1, provider: 'cpu', vnni: true } as const
    const session = await openSession(file(name), options, { size: SIZE, ...SCALE }, all => {
      rewrites = all
    })
    expect(rewrites.map(({ name }) => name)).toEqual(['class-token-only', 'signed-weights', 'byte-pixels'])
    expect(rewrites.map(({ outcome }) => outcome)).toEqual(outcomes)
    const wanted = await original(name, { pixel_values: normalised() })
    expect(leastSimilarity(await embed(session), wanted)).toBeGreaterThan(similarity)
  })

  test.each(['text_model.onnx', 'text_model_quantized.onnx'])('%s needs none, and stays as it is', async name => {
    const ids = [38, 5, 17, 30, 39]
    const session = await InferenceSession.create(file(name))
    const feeds = Object.fromEntries(
      session.inputMetadata.map(input => {
        const values = input.name === 'attention_mask' ? ids.map(() => 1) : ids
        const isLong = input.isTensor && input.type === 'int64'
        const data = isLong ? BigInt64Array.from(values, BigInt) : Int32Array.from(values)
        return [input.name, new Tensor(isLong ? 'int64' : 'int32', data, [1, ids.length])]
      }),
    )
    await session.release()
    const { rewrite, embeddings } = await afterChange(file(name), useSignedWeights, feeds)
    expect(rewrite!.outcome).toBe('not-needed')
    expect(embeddings).toEqual(await original(name, feeds))
  })
})

test('a rewrite that does not recognise the graph leaves it as it is, and says why', async () => {
  const path = join(EXPORTED, 'hub', 'vision_model_quantized.onnx')
  let rewrites: readonly Rewrite[] = []
  const session = await openSession(
    path,
    { threads: 1, provider: 'cpu', vnni: true },
    { size: SIZE + 4, ...SCALE },
    all => {
      rewrites = all
    },
  )
  expect(session.inputNames).toEqual(['pixel_values'])
  await session.release()
  expect(rewrites[2]).toEqual({
    name: 'byte-pixels',
    outcome: 'left-out',
    detail: 'expected a convolution that cuts 36 × 36 RGB pixels into square patches side by side',
  })
})
