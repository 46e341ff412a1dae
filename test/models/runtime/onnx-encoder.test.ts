import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Encoder } from '../../../src/domain/ports/encoder.js'
import { norm } from '../../../src/domain/similarity.js'
import type { ModelSpec } from '../../../src/models/catalog/registry.js'
import { type EncoderOptions, openOnnxEncoder } from '../../../src/models/runtime/onnx-encoder.js'
import { FLOAT, INT32 } from '../../support/models/tiny-onnx.js'
import { END, START, textGraph, tinySpec, visionGraph, writeTinyModel } from '../tiny-model.js'

let folder: string
const opened: Encoder[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'onnx-encoder-'))
})

afterEach(async () => {
  await Promise.all(opened.splice(0).map(encoder => encoder.close()))
  await rm(folder, { recursive: true })
})

async function open(options: EncoderOptions = {}, spec: ModelSpec = tinySpec): Promise<Encoder> {
  const encoder = await openOnnxEncoder(spec, folder, { threads: 1, ...options })
  opened.push(encoder)
  return encoder
}

/** RGB bytes of 2 × 2 pixels whose picked bytes are these: the rest is 9. */
function image(red: number, green: number, blue: number): Uint8Array {
  const bytes = new Uint8Array(12).fill(9)
  bytes[0] = red
  bytes[4] = green
  bytes[11] = blue
  return bytes
}

const unit = (...values: number[]) => values.map(value => value / norm(values))
const close = (expected: number[]) => expected.map(value => expect.closeTo(value, 6))

describe('an encoder of images', () => {
  test('puts every byte where the tower expects it, channel by channel', async () => {
    await writeTinyModel(folder)
    const encoder = await open()
    const [embedding] = await encoder.encodeImages([image(10, 20, 200)])
    expect([...embedding!]).toEqual(close(unit(10, 20, 200)))
  })

  test('subtracts the mean and divides by the deviation of each channel', async () => {
    await writeTinyModel(folder)
    const encoder = await open({}, { ...tinySpec, mean: [0.5, 0.4, 0.3], std: [0.2, 0.5, 0.25] })
    const [embedding] = await encoder.encodeImages([image(51, 102, 255)])
    expect([...embedding!]).toEqual(close(unit((0.2 - 0.5) / 0.2, (0.4 - 0.4) / 0.5, (1 - 0.3) / 0.25)))
  })

  test.each([1, 8, 256])(
    'gives one embedding of unit length an image, in their order, in runs of %i images',
    async imagesPerCall => {
      await writeTinyModel(folder)
      const encoder = await open({ imagesPerCall })
      const embeddings = await encoder.encodeImages(Array.from({ length: 100 }, (_, i) => image(i, 100, 255 - i)))
      expect(embeddings).toHaveLength(100)
      for (const [i, embedding] of embeddings.entries()) {
        expect([...embedding]).toEqual(close(unit(i, 100, 255 - i)))
        expect(norm(embedding)).toBeCloseTo(1, 6)
      }
    },
  )

  test('keeps overlapping calls apart', async () => {
    await writeTinyModel(folder)
    const encoder = await open()
    const answers = await Promise.all([1, 2, 3, 4, 5].map(i => encoder.encodeImages([image(i, 1, 0)])))
    expect(answers.map(([embedding]) => [...embedding!])).toEqual([1, 2, 3, 4, 5].map(i => close(unit(i, 1, 0))))
  })

  test('answers no images with no embeddings', async () => {
    await writeTinyModel(folder)
    expect(await (await open()).encodeImages([])).toEqual([])
  })

  test('refuses an image whose embedding is zero and says which one, then goes on', async () => {
    await writeTinyModel(folder)
    const encoder = await open()
    const images = Array.from({ length: 20 }, () => image(1, 2, 3))
    images[18] = image(0, 0, 0)
    await expect(encoder.encodeImages(images)).rejects.toMatchObject({
      code: 'ENCODE_FAILED',
      message: expect.stringContaining('image 18'),
    })
    expect(await encoder.encodeImages(images.slice(0, 3))).toHaveLength(3)
  })

  test('refuses an image whose embedding is not finite', async () => {
    const graph = visionGraph()
    const [flatten, gather] = graph.nodes
    const nodes = [
      flatten!,
      { ...gather!, outputs: ['picked_values'] },
      { op: 'Log', inputs: ['picked_values'], outputs: ['image_embeds'] },
    ]
    await writeTinyModel(folder, { vision: { ...graph, nodes } })
    await expect((await open()).encodeImages([image(0, 10, 10)])).rejects.toMatchObject({ code: 'ENCODE_FAILED' })
  })

  test('refuses an image of another size, naming both', async () => {
    await writeTinyModel(folder)
    await expect((await open()).encodeImages([new Uint8Array(27)])).rejects.toThrow('expected 12 bytes (2 × 2 RGB)')
  })
})

describe('an encoder of texts', () => {
  // The tiny text tower answers [sum of ids, sum of the mask, largest id].
  const alone = (...ids: number[]) => unit(START + END + ids.reduce((a, b) => a + b, 0), ids.length + 2, END)

  test('adds a start and an end token', async () => {
    await writeTinyModel(folder)
    const [embedding] = await (await open()).encodeTexts(['b c'])
    expect([...embedding!]).toEqual(close(alone(1, 2)))
  })

  test('gives a text the same embedding in every company', async () => {
    await writeTinyModel(folder)
    const embeddings = await (await open()).encodeTexts(['b', 'b c d', ''])
    expect(embeddings.map(embedding => [...embedding])).toEqual([
      close(alone(1)),
      close(alone(1, 2, 3)),
      close(alone()),
    ])
  })

  test('keeps the end token of a text that is cut', async () => {
    await writeTinyModel(folder)
    const [embedding] = await (await open()).encodeTexts(['b c d e b c d e'])
    expect([...embedding!]).toEqual(close(alone(1, 2, 3, 4)))
  })

  test('feeds no mask to a tower that lists none', async () => {
    await writeTinyModel(folder, { text: textGraph({ withMask: false }) })
    const [embedding] = await (await open()).encodeTexts(['b'])
    expect([...embedding!]).toEqual(close(unit(START + END + 1, START + END + 1, END)))
  })

  test('never loads the image tower', async () => {
    await writeTinyModel(folder)
    await rm(join(folder, tinySpec.visionFile))
    expect(await (await open({ towers: 'text' })).encodeTexts(['b'])).toHaveLength(1)
  })
})

describe('names, types and sizes come from the session', () => {
  const alone = (...values: number[]) => close(unit(...values))

  test('pixels are the one floating point input of four dimensions, and a lone output needs no known name', async () => {
    await writeTinyModel(folder, { vision: visionGraph({ input: 'x', output: '1234' }) })
    const [embedding] = await (await open()).encodeImages([image(10, 20, 200)])
    expect([...embedding!]).toEqual(alone(10, 20, 200))
  })

  test.each([
    ['image_embeds', ['pooler_output', 'last_hidden_state']],
    ['pooler_output', ['last_hidden_state']],
  ])('of several outputs %s is taken', async (output, others) => {
    await writeTinyModel(folder, { vision: visionGraph({ output, others }) })
    const [embedding] = await (await open()).encodeImages([image(10, 20, 200)])
    expect([...embedding!]).toEqual(alone(10, 20, 200))
  })

  test('a graph for one image is fed one at a time', async () => {
    await writeTinyModel(folder, { vision: visionGraph({ batch: 1 }) })
    const embeddings = await (await open()).encodeImages([image(1, 2, 3), image(3, 2, 1)])
    expect(embeddings.map(embedding => [...embedding])).toEqual([alone(1, 2, 3), alone(3, 2, 1)])
  })

  test('ids go in as 32 bits where the graph asks for that', async () => {
    await writeTinyModel(folder, { text: textGraph({ idType: INT32 }) })
    const [embedding] = await (await open()).encodeTexts(['b'])
    expect([...embedding!]).toEqual(alone(START + 1 + END, 3, END))
  })

  test('a graph for sequences of one length gets them filled up with the end token, which the mask leaves out', async () => {
    await writeTinyModel(folder, { text: textGraph({ shape: ['batch', 6] }) })
    const embeddings = await (await open()).encodeTexts(['b', 'b c d e b c d e'])
    expect(embeddings.map(embedding => [...embedding])).toEqual([
      alone(START + 1 + END + 3 * END, 3, END),
      alone(START + 1 + 2 + 3 + 4 + END, 6, END),
    ])
  })

  test('a model that asks for padding gets it with its own id', async () => {
    await writeTinyModel(folder, { text: textGraph({ withMask: false }) })
    const spec = { ...tinySpec, text: { contextLength: 6, padId: 2 } }
    const [embedding] = await (await open({}, spec)).encodeTexts(['b'])
    expect([...embedding!]).toEqual(alone(START + 1 + END + 3 * 2, START + 1 + END + 3 * 2, END))
  })

  test('punctuation and the spaces around it are left out for a model that wants none', async () => {
    await writeTinyModel(folder)
    const [plain] = await (await open()).encodeTexts(['b c'])
    const spec = { ...tinySpec, text: { contextLength: 6, dropPunctuation: true } }
    const [same] = await (await open({}, spec)).encodeTexts([' b!?  "c" - '])
    expect(same).toEqual(plain)
  })

  test('texts are lower-cased for a tokenizer that does not do it', async () => {
    await writeTinyModel(folder)
    const path = join(folder, 'tokenizer.json')
    await writeFile(path, (await readFile(path, 'utf8')).replace('{"type":"Lowercase"}', 'null'))
    const [small] = await (await open()).encodeTexts(['b c'])
    const [large] = await (await open({}, { ...tinySpec, text: { contextLength: 6, lowerCase: true } })).encodeTexts([
      'B C',
    ])
    expect(large).toEqual(small)
  })
})

describe('a model that is not what the registry says', () => {
  const cases: [string, Parameters<typeof writeTinyModel>[1], string][] = [
    [
      'a text tower in the place of the image tower',
      { vision: textGraph({ withMask: false }) },
      'expected an image tower, with an input of pixels float32 or float16 [?, 3, 2, 2], found inputs input_ids int64 [batch, sequence]',
    ],
    [
      'an image tower in the place of the text tower',
      { text: visionGraph() },
      'expected a text tower, with an input input_ids int64 or int32 [?, ?], found inputs pixel_values float32 [batch, 3, 2, 2]',
    ],
    [
      'several outputs of unknown names',
      { vision: visionGraph({ output: 'y', others: ['z'] }) },
      'expected an output named image_embeds or image_features or pooler_output or features or logits, found outputs z float32 [batch, 3], y',
    ],
    ['another image size', { vision: visionGraph({ size: 4 }) }, 'found float32 [batch, 3, 4, 4]'],
    [
      'another dimension',
      { vision: visionGraph({ dimension: 2 }) },
      'expected output image_embeds float32 or float16 [?, 3], found float32 [batch, 2]',
    ],
    [
      'ids that are no whole numbers',
      { text: textGraph({ idType: FLOAT }) },
      'expected input input_ids int64 or int32',
    ],
    ['a batch built in', { vision: visionGraph({ batch: 4 }) }, 'for a batch of any size, or of 1, found a batch of 4'],
    [
      'another length built in',
      { text: textGraph({ shape: [1, 8] }) },
      'expected input input_ids [?, 6], found [1, 8]',
    ],
    [
      'an input that nobody knows',
      {
        vision: {
          ...visionGraph(),
          inputs: [...visionGraph().inputs, { name: 'temperature', type: FLOAT, shape: [1] }],
        },
      },
      'expected no inputs but pixels, input_ids and attention_mask, found inputs temperature float32 [1]',
    ],
  ]
  test.each(cases)('with %s is refused when it is opened', async (_, graphs, message) => {
    await writeTinyModel(folder, graphs)
    await expect(open({ towers: 'both' })).rejects.toMatchObject({
      code: 'MODEL_INVALID',
      message: expect.stringContaining(message),
    })
  })

  test('is refused when a file ends too early', async () => {
    await writeTinyModel(folder)
    await truncate(join(folder, tinySpec.visionFile), 100)
    await expect(open({ towers: 'image' })).rejects.toMatchObject({
      code: 'MODEL_INVALID',
      message: expect.stringContaining('expected an ONNX model'),
    })
  })

  test('gives no embedding that is not what it promised: another shape at run time is refused', async () => {
    const graph = visionGraph()
    await writeTinyModel(folder, { vision: { ...graph, outputs: [{ ...graph.outputs[0]!, shape: [] }] } })
    const encoder = await open({}, { ...tinySpec, dimension: 5 })
    await expect(encoder.encodeImages([image(1, 2, 3)])).rejects.toMatchObject({
      code: 'MODEL_INVALID',
      message: expect.stringContaining('expected image_embeds of shape [1, 5], found [1, 3]'),
    })
  })

  test('is refused when the file is no ONNX model', async () => {
    await writeTinyModel(folder)
    await writeFile(join(folder, tinySpec.visionFile), 'not a model')
    await expect(open({ towers: 'image' })).rejects.toMatchObject({
      code: 'MODEL_INVALID',
      message: expect.stringContaining('models verify'),
    })
  })

  test('is refused when the tokenizer is no JSON', async () => {
    await writeTinyModel(folder)
    await writeFile(join(folder, 'tokenizer.json'), '{')
    await expect(open({ towers: 'text' })).rejects.toMatchObject({ code: 'MODEL_INVALID' })
  })
})

test('a closed encoder refuses work, and closing twice is harmless', async () => {
  await writeTinyModel(folder)
  const encoder = await open({ towers: 'both' })
  const last = encoder.encodeImages([image(1, 1, 1)])
  await Promise.all([encoder.close(), encoder.close()])
  expect(await last).toHaveLength(1)
  await expect(encoder.encodeTexts(['b'])).rejects.toThrow('closed')
})

test('A provider whose libraries are not installed is refused, and the message says what to do', async () => {
  await writeTinyModel(folder)
  const refused = open({ provider: 'cuda', towers: 'image' })
  await expect(refused).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  await expect(refused).rejects.toThrow(/EXECUTION_PROVIDER: cuda .* set it to cpu/)
})
