import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type ModelSpec, resolveModel } from '../../../src/models/catalog/registry.js'
import { type SelfTestStep, selfTest } from '../../../src/models/check/self-test.js'
import { openOnnxEncoder } from '../../../src/models/runtime/onnx-encoder.js'
import { hasReference } from '../../support/servers/requirements.js'
import { NOISES, randomNumbers, withNoise } from '../noise.js'
import { type Planted, writePlantedClip } from './planted-clip.js'

const clip = (precision: 'fp32' | 'int8'): ModelSpec => ({
  ...resolveModel(`clip-vit-b-32@${precision}`),
  visionFile: 'onnx/vision_model.onnx',
  textFile: 'onnx/text_model.onnx',
})

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'self-test-'))
})
afterEach(async () => {
  await rm(folder, { recursive: true })
})

async function run(spec: ModelSpec, modelFolder = folder): Promise<SelfTestStep[]> {
  const encoder = await openOnnxEncoder(spec, modelFolder, { threads: 1 })
  const preprocess = async (image: Uint8Array) => {
    const { preprocess } = await import('../../../src/images/decode.js')
    return preprocess(image, { input: encoder.input, maxPixels: 1e6 })
  }
  try {
    const session = { threads: 1, provider: 'cpu' } as const
    const steps: SelfTestStep[] = []
    for await (const step of selfTest({ spec, folder: modelFolder, session, encoder, preprocess })) steps.push(step)
    expect(steps[0]!.step).toBe('rewrites')
    return steps.slice(1)
  } finally {
    await encoder.close()
  }
}

test('the demo model labels rendered scenes, also after photos were decoded, and has no published vectors', async () => {
  await run(resolveModel('demo'), 'models/demo')
  const [texts, pictures] = await run(resolveModel('demo'), 'models/demo')
  expect(texts).toMatchObject({ ok: null, sentence: expect.stringContaining('No vectors of demo are published') })
  expect(pictures).toMatchObject({ ok: true, sentence: expect.stringContaining('6 of 6 rendered pictures') })
})

describe.skipIf(!hasReference())('the self-test of what says it is CLIP ViT-B/32', () => {
  const plantAndRun = async (planted: Planted, precision: 'fp32' | 'int8' = 'fp32') => {
    await writePlantedClip(folder, planted)
    return run(clip(precision))
  }
  const right = [
    { step: 'texts', ok: true, sentence: 'the text tower is CLIP ViT-B/32: 16 of 16 texts give its vectors' },
    {
      step: 'pictures',
      ok: true,
      sentence: 'the image tower belongs to the text tower: 6 of 6 rendered pictures get their label',
    },
  ]

  test('passes towers that give the published vectors', async () => {
    const [texts, pictures] = await plantAndRun({})
    expect([texts, pictures]).toMatchObject(right)
    expect(texts).toMatchObject({ source: expect.stringContaining('OpenAI CLIP ViT-B/32') })
    expect(pictures).toMatchObject({
      pictures: ['red', 'green', 'blue', 'yellow', 'orange', 'purple'].map(name => ({
        picture: name,
        label: name,
        score: expect.toSatisfy((score: number) => score > 0.5),
        ok: true,
      })),
    })
  })

  test('passes an int8 tower at a cosine of 0.98, and does not take it for fp32', async () => {
    const random = randomNumbers(3)
    const embed: Planted['embed'] = (_, published) => withNoise(published, 0.98, NOISES[0]![1], random)
    expect((await plantAndRun({ embed }, 'int8')).map(({ ok }) => ok)).toEqual([true, true])
    expect((await run(clip('fp32')))[0]).toMatchObject({
      ok: false,
      sentence: expect.stringMatching(
        /^this is not CLIP ViT-B\/32 in fp32: 16 of 16 texts give the signs .* fewer bits/,
      ),
    })
  })

  test('refuses a text tower with other weights', async () => {
    const random = randomNumbers(4)
    const embed = (_: string, published: Float32Array) => published.map(random)
    expect((await plantAndRun({ embed }))[0]).toMatchObject({
      ok: false,
      sentence: 'this is not CLIP ViT-B/32: 0 of 16 texts give its vectors, 12 needed; the text tower is another one',
    })
  })

  test('refuses a tokenizer with other ids', async () => {
    expect((await plantAndRun({ otherTokens: true }))[0]).toMatchObject({
      ok: false,
      sentence: expect.stringMatching(
        /^this is not CLIP ViT-B\/32: the tokenizer gives \d+ of 16 texts other tokens; it belongs to another model$/,
      ),
    })
  })

  test.each(['random', 'channels exchanged'] as const)('refuses an image tower with its weights %s', async vision => {
    const [texts, pictures] = await plantAndRun({ vision })
    expect(texts).toMatchObject(right[0]!)
    expect(pictures).toMatchObject({
      ok: false,
      sentence: expect.stringMatching(/^the image tower does not belong to the text tower: [0-3] of 6 .* 4 needed/),
    })
  })
})
