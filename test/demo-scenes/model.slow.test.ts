import { readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { Tokenizer } from '@huggingface/tokenizers'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { HELD_OUT_SEEDS } from '../../src/demo-scenes/seeds.js'
import { evaluate } from '../../tools/demo-model/evaluation.js'
import { type DemoModel, demoModelFolder, dot, openDemoModel } from '../../tools/demo-model/model.js'
import { QUERIES } from '../../tools/demo-model/queries.js'

const folder = await demoModelFolder()
const vision = path.join(folder, 'onnx/vision_model.onnx')
const text = path.join(folder, 'onnx/text_model.onnx')
const readJson = async (name: string) => JSON.parse(await readFile(path.join(folder, name), 'utf8'))

describe('the committed demo model', () => {
  let model: DemoModel
  beforeAll(async () => {
    model = await openDemoModel(folder)
  })
  afterAll(() => model.close())

  test('takes at most 4 MB for both towers', async () => {
    const sizes = await Promise.all([vision, text].map(async file => (await stat(file)).size))
    expect(sizes.reduce((sum, size) => sum + size)).toBeLessThanOrEqual(4_000_000)
  })

  test('has the tensor names of CLIP and the widths of its config, for any batch and sequence', async () => {
    const config = await readJson('config.json')
    const image = await InferenceSession.create(vision)
    const words = await InferenceSession.create(text)
    expect([image.inputNames, image.outputNames]).toEqual([['pixel_values'], ['image_embeds']])
    expect([words.inputNames, words.outputNames]).toEqual([['input_ids'], ['text_embeds']])
    for (const batch of [1, 3]) {
      const pixels = new Tensor('float32', new Float32Array(batch * 3 * 224 * 224), [batch, 3, 224, 224])
      const { image_embeds } = await image.run({ pixel_values: pixels })
      expect(image_embeds?.dims).toEqual([batch, config.projection_dim])
      for (const length of [2, config.text_config.max_position_embeddings]) {
        const ids = new Tensor('int64', new BigInt64Array(batch * length).fill(2n), [batch, length])
        const { text_embeds } = await words.run({ input_ids: ids })
        expect(text_embeds?.dims).toEqual([batch, config.projection_dim])
      }
    }
    await image.release()
    await words.release()
  })

  test('reads text in any case and punctuation, and marks words it does not know', async () => {
    const tokenizer = new Tokenizer(await readJson('tokenizer.json'), await readJson('tokenizer_config.json'))
    expect(tokenizer.encode('A hot-air balloon, at NIGHT!').ids).toEqual(
      tokenizer.encode('a hot air balloon at night').ids,
    )
    expect(tokenizer.encode('a quokka').tokens).toEqual(['<|startoftext|>', 'a', '<|unknown|>', '<|endoftext|>'])
  })

  test('knows every word of the zero-shot prompts and of the queries', async () => {
    const tokenizer = new Tokenizer(await readJson('tokenizer.json'), await readJson('tokenizer_config.json'))
    const prompts = ['A photo taken at dawn', 'A photo taken at day', 'A photo taken at dusk', 'A photo taken at night']
    for (const words of [
      ...prompts,
      'A photo taken indoor',
      'A photo taken outdoor',
      ...QUERIES.map(({ text }) => text),
    ]) {
      expect(tokenizer.encode(words).tokens).not.toContain('<|unknown|>')
    }
  })

  test('gives a text the same embedding alone and padded in a batch', async () => {
    const [alone] = await model.embedTexts(['a red house'])
    const [padded] = await model.embedTexts(['a red house', 'a photo of a boat on the sea at night in the rain'])
    expect(dot(alone as Float32Array, padded as Float32Array)).toBeCloseTo(1, 4)
  })

  test('reaches its figures on held-out scenes', { timeout: 360_000 }, async () => {
    const figures = await evaluate(model, HELD_OUT_SEEDS.from, HELD_OUT_SEEDS.count)
    expect(figures.time).toBeGreaterThanOrEqual(0.95)
    expect(figures.space).toBeGreaterThanOrEqual(0.95)
    expect(QUERIES).toHaveLength(30)
    expect(figures.queries.every(({ counted }) => counted)).toBe(true)
    expect(figures.precisionAt10).toBeGreaterThanOrEqual(0.9)
    expect(figures.neighboursSameMain).toBeGreaterThanOrEqual(0.85)
  })
})
