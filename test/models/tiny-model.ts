import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { clipInput } from '../../src/domain/image-input.js'
import type { ModelSpec } from '../../src/models/catalog/registry.js'
import { FLOAT, type Graph, INT32, INT64, onnxModel } from '../support/models/tiny-onnx.js'

export const START = 5
export const END = 6
export const SIZE = 2
const PIXELS = 3 * SIZE * SIZE

/** A model of 2 × 2 pixels and three dimensions that needs no weights. */
export const tinySpec = {
  name: 'tiny',
  precision: 'fp32',
  isDefault: true,
  title: 'Tiny',
  license: 'MIT',
  dimension: 3,
  input: clipInput(SIZE),
  mean: [0, 0, 0] as [number, number, number],
  std: [1, 1, 1] as [number, number, number],
  text: { contextLength: 6 },
  scoring: 'softmax',
  logitScale: 100,
  logitBias: 0,
  visionFile: 'onnx/vision_model.onnx',
  textFile: 'onnx/text_model.onnx',
  origin: { kind: 'hub', repository: 'example/tiny', revision: 'r1', files: [] },
} satisfies ModelSpec

/**
 * Its embedding is the first red, the second green and the last blue value: it shows which byte went where.
 * @param others outputs beside the embedding, all of them zero; everything can be made wrong
 */
export function visionGraph({
  output = 'image_embeds',
  others = [] as string[],
  input = 'pixel_values',
  batch = 'batch' as string | number,
  size = SIZE,
  dimension = 3,
} = {}): Graph {
  const picked = [0, SIZE * SIZE + 1, PIXELS - 1]
  return {
    inputs: [{ name: input, type: FLOAT, shape: [batch, 3, size, size] }],
    outputs: [...others, output].map(name => ({ name, type: FLOAT, shape: [batch, dimension] })),
    nodes: [
      { op: 'Flatten', inputs: [input], outputs: ['flat'], attributes: { axis: 1 } },
      { op: 'Gather', inputs: ['flat', 'picked'], outputs: [output], attributes: { axis: 1 } },
      ...others.map(name => ({ op: 'Sub', inputs: [output, output], outputs: [name] })),
    ],
    constants: [{ name: 'picked', type: INT64, shape: [dimension], values: picked.slice(0, dimension) }],
  }
}

/** Its embedding is [sum of ids, sum of the mask or of ones, largest id]: it shows what was fed. */
export function textGraph({
  withMask = true,
  idType = INT64,
  shape = ['batch', 'sequence'] as (string | number)[],
} = {}): Graph {
  const counted = withMask ? 'attention_mask' : 'input_ids'
  return {
    inputs: [
      { name: 'input_ids', type: idType, shape },
      ...(withMask ? [{ name: 'attention_mask', type: idType === INT32 ? INT32 : INT64, shape }] : []),
    ],
    outputs: [{ name: 'text_embeds', type: FLOAT, shape: ['batch', 3] }],
    nodes: [
      { op: 'Cast', inputs: ['input_ids'], outputs: ['ids'], attributes: { to: FLOAT } },
      { op: 'Cast', inputs: [counted], outputs: ['counted'], attributes: { to: FLOAT } },
      { op: 'ReduceSum', inputs: ['ids', 'axis'], outputs: ['total'] },
      { op: 'ReduceSum', inputs: ['counted', 'axis'], outputs: ['count'] },
      { op: 'ReduceMax', inputs: ['ids'], outputs: ['largest'], attributes: { axes: [1] } },
      { op: 'Concat', inputs: ['total', 'count', 'largest'], outputs: ['text_embeds'], attributes: { axis: 1 } },
    ],
    constants: [{ name: 'axis', type: INT64, shape: [1], values: [1] }],
  }
}

const TOKENIZER = {
  version: '1.0',
  added_tokens: [
    { id: START, content: '<s>', special: true, normalized: false, single_word: false, lstrip: false, rstrip: false },
    { id: END, content: '</s>', special: true, normalized: false, single_word: false, lstrip: false, rstrip: false },
  ],
  normalizer: { type: 'Lowercase' },
  pre_tokenizer: { type: 'WhitespaceSplit' },
  post_processor: { type: 'RobertaProcessing', cls: ['<s>', START], sep: ['</s>', END], trim_offsets: false },
  decoder: null,
  model: {
    type: 'BPE',
    unk_token: 'a',
    vocab: { a: 0, b: 1, c: 2, d: 3, e: 4, '<s>': START, '</s>': END },
    merges: [],
  },
}

/** Writes the model into a folder, in the Hugging Face layout. */
export async function writeTinyModel(
  folder: string,
  { vision = visionGraph(), text = textGraph() }: { vision?: Graph; text?: Graph } = {},
): Promise<void> {
  await mkdir(join(folder, 'onnx'), { recursive: true })
  await writeFile(join(folder, tinySpec.visionFile), onnxModel(vision))
  await writeFile(join(folder, tinySpec.textFile), onnxModel(text))
  await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(TOKENIZER))
  await writeFile(join(folder, 'tokenizer_config.json'), '{}')
}
