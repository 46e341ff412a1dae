import { readFileSync } from 'node:fs'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { normalise } from '../../../src/domain/similarity.js'
import { readMatrix } from '../../../src/models/check/npy.js'
import { CLIP_VIT_B_32_VECTORS } from '../../../src/models/check/published-clip-vit-b-32.js'
import { PLAIN_COLOURS, promptsFor } from '../../../src/models/check/self-test-pictures.js'
import { loadTokenizer } from '../../../src/models/runtime/tokenizer.js'
import { FLOAT, type Graph, INT64, onnxModel } from '../../support/models/tiny-onnx.js'
import { REFERENCE } from '../../support/servers/requirements.js'
import { randomNumbers } from '../noise.js'

const DIMENSION = 512
const TOKENIZER = join(REFERENCE, 'tokenizer')
/** RGB of the plain colours, scaled to [0, 1] and with the pixel statistics of CLIP taken off. */
const MEAN = [0.48145466, 0.4578275, 0.40821073]
const STD = [0.26862954, 0.26130258, 0.27577711]
const COLOURS = {
  red: [220, 30, 40],
  green: [30, 150, 60],
  blue: [30, 60, 210],
  yellow: [250, 225, 30],
  orange: [245, 130, 20],
  purple: [125, 40, 160],
}

/** The real text embeddings of CLIP ViT-B/32, by their prompts. */
export async function publishedEmbeddings(): Promise<Map<string, Float32Array>> {
  const rows = await readMatrix(join(REFERENCE, 'clip-text/clip-vit-b-32-text.npy'))
  const prompts = readFileSync(join(REFERENCE, 'clip-text/clip-vit-b-32-text.prompts.txt'), 'utf8').trim().split('\n')
  return new Map(prompts.map((prompt, i) => [prompt, normalise(rows[i]!)]))
}

export interface Planted {
  /** What the text tower makes of each published text; default: the published vector. */
  embed?: (text: string, published: Float32Array) => Float32Array
  /** Whether the image tower sees colours, or has weights that have nothing to do with the text tower. */
  vision?: 'colours' | 'channels exchanged' | 'random'
  /** Whether tokenizer.json gives other ids than CLIP's. */
  otherTokens?: boolean
}

/**
 * Writes a folder that looks like CLIP ViT-B/32 to whoever asks it for the published texts and the plain colours: CLIP's
 * tokenizer, a text tower that is a table from the sum of the token ids to vectors, an image tower that sees the mean colour.
 */
export async function writePlantedClip(folder: string, planted: Planted = {}): Promise<void> {
  const { embed = (_text, published) => published, vision = 'colours', otherTokens = false } = planted
  const tokenizer = await loadTokenizer(TOKENIZER, 77)
  const published = await publishedEmbeddings()
  const random = randomNumbers(1)
  // [3, 512]: where the three channels lie among the vectors.
  const channels = [0, 1, 2].map(() => normalise(Float32Array.from({ length: DIMENSION }, random)))
  const colour = (rgb: number[]) =>
    channels[0]!.map((_, i) =>
      rgb.reduce((sum, value, c) => sum + ((value / 255 - MEAN[c]!) / STD[c]!) * channels[c]![i]!, 0),
    )
  const rows = [
    ...CLIP_VIT_B_32_VECTORS.texts.map(({ text }) => ({ text, vector: embed(text, published.get(text)!) })),
    ...promptsFor(PLAIN_COLOURS).map((text, i) => ({
      text,
      vector: colour(COLOURS[PLAIN_COLOURS.pictures[i]!.label as keyof typeof COLOURS]),
    })),
  ]
  const key = (text: string) => tokenizer.encode(text).reduce((sum, id) => sum + id)
  const weights = {
    colours: channels,
    'channels exchanged': channels.toReversed(),
    random: [3, 4, 5].map(seed => Float32Array.from({ length: DIMENSION }, randomNumbers(seed))),
  }[vision]

  await mkdir(join(folder, 'onnx'), { recursive: true })
  await writeFile(
    join(folder, 'onnx/text_model.onnx'),
    onnxModel(textTable(rows.map(row => ({ ...row, key: key(row.text) })))),
  )
  await writeFile(join(folder, 'onnx/vision_model.onnx'), onnxModel(meanColour(weights)))
  await copyFile(join(TOKENIZER, 'tokenizer_config.json'), join(folder, 'tokenizer_config.json'))
  const json = JSON.parse(readFileSync(join(TOKENIZER, 'tokenizer.json'), 'utf8'))
  if (otherTokens) json.model.vocab = turned(json.model.vocab)
  await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(json))
}

/** Every id but those of letters and special tokens is the one of the next. */
function turned(vocab: Record<string, number>): Record<string, number> {
  const [first, count] = [1000, 40_000]
  const next = (id: number) => (id < first || id >= first + count ? id : first + ((id - first + 1) % count))
  return Object.fromEntries(Object.entries(vocab).map(([token, id]) => [token, next(id)]))
}

/** A text whose key it does not have gets some other vector. */
function textTable(rows: { key: number; vector: Float32Array }[]): Graph {
  const random = randomNumbers(2)
  const otherwise = Array.from({ length: DIMENSION }, () => 1e-6 * random())
  return {
    inputs: [{ name: 'input_ids', type: INT64, shape: ['batch', 'sequence'] }],
    outputs: [{ name: 'text_embeds', type: FLOAT, shape: ['batch', DIMENSION] }],
    nodes: [
      { op: 'Cast', inputs: ['input_ids'], outputs: ['ids'], attributes: { to: FLOAT } },
      { op: 'ReduceSum', inputs: ['ids', 'axis'], outputs: ['key'] },
      { op: 'Equal', inputs: ['key', 'keys'], outputs: ['isKey'] },
      { op: 'Cast', inputs: ['isKey'], outputs: ['chosen'], attributes: { to: FLOAT } },
      { op: 'MatMul', inputs: ['chosen', 'vectors'], outputs: ['vector'] },
      { op: 'Add', inputs: ['vector', 'otherwise'], outputs: ['text_embeds'] },
    ],
    constants: [
      { name: 'axis', type: INT64, shape: [1], values: [1] },
      { name: 'keys', type: FLOAT, shape: [1, rows.length], values: rows.map(({ key }) => key) },
      {
        name: 'vectors',
        type: FLOAT,
        shape: [rows.length, DIMENSION],
        values: rows.flatMap(({ vector }) => [...vector]),
      },
      { name: 'otherwise', type: FLOAT, shape: [1, DIMENSION], values: otherwise },
    ],
  }
}

/** @param weights [3, 512] */
function meanColour(weights: Float32Array[]): Graph {
  return {
    inputs: [{ name: 'pixel_values', type: FLOAT, shape: ['batch', 3, 224, 224] }],
    outputs: [{ name: 'image_embeds', type: FLOAT, shape: ['batch', DIMENSION] }],
    nodes: [
      { op: 'ReduceMean', inputs: ['pixel_values'], outputs: ['colour'], attributes: { axes: [2, 3], keepdims: 0 } },
      { op: 'MatMul', inputs: ['colour', 'weights'], outputs: ['image_embeds'] },
    ],
    constants: [{ name: 'weights', type: FLOAT, shape: [3, DIMENSION], values: weights.flatMap(row => [...row]) }],
  }
}
