import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { toHalf } from '../../../src/domain/half.js'
import { clipInput, type ImageInput } from '../../../src/domain/image-input.js'
import type { ModelEntry, TextInput } from '../../../src/models/catalog/entry.js'
import { randomNumbers } from '../random-numbers.js'
import { CLIP_TOKENIZER, END, SIGLIP_TOKENIZER, VOCABULARY } from './letter-tokenizers.js'
import { type Constant, FLOAT, FLOAT16, type Graph, INT8, INT64, type Node, onnxModel, UINT8 } from './tiny-onnx.js'

/** One of every kind of model that a folder may hold. */
export const SHAPES = ['clip-fp32', 'clip-fp16', 'clip-int8', 'clip-q4', 'combined', 'siglip', 'image-only'] as const
export type Shape = (typeof SHAPES)[number]

export interface Miniature {
  readonly name: string
  /** `name@precision`: what MODEL takes. */
  readonly reference: string
  readonly hasTexts: boolean
  /** What its `model.json` says. */
  readonly entry: ModelEntry
}

const DIMENSION = 24
const SIDE = 32
const PATCH = 8
const CHANNELS = 16
const PATCHES = (SIDE / PATCH) ** 2
/** What the patches of an image come to, and so the length of the projection's rows. */
const FEATURES = CHANNELS * PATCHES

/**
 * Writes a model with random weights, the same for the same shape, into a folder: towers with the names, types and
 * operators that exports of that kind have, a tokenizer of single letters, and the `model.json` that makes MODEL_FOLDERS
 * take it. Different images and texts get different embeddings; they mean nothing.
 */
export async function writeMiniature(shape: Shape, folder: string): Promise<Miniature> {
  const { entry, files, tokenizer } = MINIATURES[shape](`mini-${shape}`)
  await mkdir(join(folder, 'onnx'), { recursive: true })
  for (const [path, graph] of Object.entries(files)) await writeFile(join(folder, path), onnxModel(graph))
  if (tokenizer) {
    await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(tokenizer))
    await writeFile(join(folder, 'tokenizer_config.json'), '{}')
  }
  await writeFile(join(folder, 'model.json'), JSON.stringify(entry, null, 2))
  const { name, defaultPrecision } = entry
  return { name, reference: `${name}@${defaultPrecision}`, hasTexts: entry.text !== undefined, entry }
}

interface Contents {
  readonly entry: ModelEntry
  readonly files: Readonly<Record<string, Graph>>
  readonly tokenizer?: object
}

const MINIATURES: Readonly<Record<Shape, (name: string) => Contents>> = {
  'clip-fp32': name => clip(name, 'fp32', ''),
  'clip-fp16': name => clip(name, 'fp16', '_fp16'),
  'clip-int8': name => clip(name, 'int8', '_quantized'),
  'clip-q4': name => clip(name, 'q4', '_q4'),
  combined: name => {
    const path = 'onnx/model.onnx'
    const text = { contextLength: 16 }
    return {
      entry: { ...CLIP, ...one('fp32', { vision: path, text: path }), name, title: name, text },
      files: { [path]: bothTowers() },
      tokenizer: CLIP_TOKENIZER,
    }
  },
  siglip: name => {
    const files = { vision: 'onnx/vision_model.onnx', text: 'onnx/text_model.onnx' }
    const input: ImageInput = { size: SIDE, fit: 'squash', cropShare: 1, kernel: 'bicubic' }
    const text: TextInput = { contextLength: 64, padId: END, lowerCase: true, dropPunctuation: true }
    return {
      entry: {
        ...CLIP,
        ...one('fp32', files),
        name,
        title: name,
        input,
        text,
        mean: [0.5, 0.5, 0.5],
        std: [0.5, 0.5, 0.5],
        scoring: 'sigmoid',
        logitScale: 117.3,
        logitBias: -12.9,
      },
      files: {
        [files.vision]: visionTower('fp32', 'pooler_output'),
        [files.text]: textTower('fp32', 'pooler_output'),
      },
      tokenizer: SIGLIP_TOKENIZER,
    }
  },
  'image-only': name => {
    const files = { vision: 'onnx/model.onnx' }
    const input: ImageInput = { size: SIDE, fit: 'crop', cropShare: 0.875, kernel: 'bicubic' }
    const { text: _, ...imagesAlone } = CLIP
    return {
      entry: {
        ...imagesAlone,
        ...one('fp32', files),
        name,
        title: name,
        input,
        dimension: CHANNELS,
        mean: [0.485, 0.456, 0.406],
        std: [0.229, 0.224, 0.225],
      },
      files: { [files.vision]: pooledFeatures() },
    }
  },
}

const CLIP = {
  license: 'MIT',
  dimension: DIMENSION,
  input: clipInput(SIDE),
  mean: [0.48145466, 0.4578275, 0.40821073],
  std: [0.26862954, 0.26130258, 0.27577711],
  text: { contextLength: 77 },
  scoring: 'softmax',
  logitScale: 100,
  logitBias: 0,
} as const

type Precision = 'fp32' | 'fp16' | 'int8' | 'q4'

function clip(name: string, precision: Precision, suffix: string): Contents {
  const files = { vision: `onnx/vision_model${suffix}.onnx`, text: `onnx/text_model${suffix}.onnx` }
  return {
    entry: { ...CLIP, ...one(precision, files), name, title: name },
    files: {
      [files.vision]: visionTower(precision, 'image_embeds'),
      [files.text]: textTower(precision, 'text_embeds'),
    },
    tokenizer: CLIP_TOKENIZER,
  }
}

function one(precision: Precision, files: { vision: string; text?: string }) {
  return { defaultPrecision: precision, precisions: { [precision]: files } }
}

/** Patches by convolution, then a projection of them all. */
function visionTower(precision: Precision, output: string): Graph {
  const type = precision === 'fp16' ? FLOAT16 : FLOAT
  const projection = projecting('flat', output, FEATURES, precision, 2)
  return {
    inputs: [{ name: 'pixel_values', type, shape: ['batch', 3, SIDE, SIDE] }],
    outputs: [{ name: output, type, shape: ['batch', DIMENSION] }],
    nodes: [
      patches('pixel_values'),
      { op: 'Flatten', inputs: ['patches'], outputs: ['flat'], attributes: { axis: 1 } },
      ...projection.nodes,
    ],
    constants: [patchWeights(type), ...projection.constants],
  }
}

/** The projected mean of the tokens' vectors: fed with a mask, those that it leaves. */
function textTower(precision: Precision, output: string, { withMask = false } = {}): Graph {
  const type = precision === 'fp16' ? FLOAT16 : FLOAT
  const shape = ['batch', 'sequence']
  const projection = projecting('mean', output, CHANNELS, precision, 4)
  const mean: Node[] = withMask
    ? [
        { op: 'Cast', inputs: ['attention_mask'], outputs: ['kept'], attributes: { to: FLOAT } },
        { op: 'Unsqueeze', inputs: ['kept', 'last'], outputs: ['weights'] },
        { op: 'Mul', inputs: ['vectors', 'weights'], outputs: ['weighted'] },
        { op: 'ReduceMean', inputs: ['weighted'], outputs: ['mean'], attributes: { axes: [1], keepdims: 0 } },
      ]
    : [{ op: 'ReduceMean', inputs: ['vectors'], outputs: ['mean'], attributes: { axes: [1], keepdims: 0 } }]
  return {
    inputs: [
      { name: 'input_ids', type: INT64, shape },
      ...(withMask ? [{ name: 'attention_mask', type: INT64, shape }] : []),
    ],
    outputs: [{ name: output, type, shape: ['batch', DIMENSION] }],
    nodes: [
      { op: 'Gather', inputs: ['tokens', 'input_ids'], outputs: ['vectors'], attributes: { axis: 0 } },
      ...mean,
      ...projection.nodes,
    ],
    constants: [
      weights('tokens', [VOCABULARY, CHANNELS], type, 3),
      ...(withMask ? [{ name: 'last', type: INT64, shape: [1], values: [2] } as const] : []),
      ...projection.constants,
    ],
  }
}

/** As `model.onnx` of CLIP's exports: every input is asked for, whatever is wanted. */
function bothTowers(): Graph {
  const [vision, text] = [visionTower('fp32', 'image_embeds'), textTower('fp32', 'text_embeds', { withMask: true })]
  return {
    inputs: [...text.inputs, ...vision.inputs.map(input => ({ ...input, shape: ['image_batch', 3, SIDE, SIDE] }))],
    outputs: [
      { name: 'logits_per_image', type: FLOAT, shape: ['image_batch', 'batch'] },
      ...text.outputs,
      { name: 'image_embeds', type: FLOAT, shape: ['image_batch', DIMENSION] },
    ],
    nodes: [
      ...vision.nodes,
      ...text.nodes,
      { op: 'Transpose', inputs: ['text_embeds'], outputs: ['columns'], attributes: { perm: [1, 0] } },
      { op: 'MatMul', inputs: ['image_embeds', 'columns'], outputs: ['logits_per_image'] },
    ],
    constants: [...(vision.constants ?? []), ...(text.constants ?? [])],
  }
}

/** As a convolutional network without its classifier. */
function pooledFeatures(): Graph {
  return {
    inputs: [{ name: 'x', type: FLOAT, shape: ['batch', 3, SIDE, SIDE] }],
    outputs: [{ name: 'pooler_output', type: FLOAT, shape: ['batch', CHANNELS] }],
    nodes: [
      patches('x'),
      { op: 'GlobalAveragePool', inputs: ['patches'], outputs: ['pooled'] },
      { op: 'Flatten', inputs: ['pooled'], outputs: ['pooler_output'], attributes: { axis: 1 } },
    ],
    constants: [patchWeights(FLOAT)],
  }
}

function patches(pixels: string): Node {
  const attributes = { kernel_shape: [PATCH, PATCH], strides: [PATCH, PATCH] }
  return { op: 'Conv', inputs: [pixels, 'patch_weights'], outputs: ['patches'], attributes }
}

function patchWeights(type: typeof FLOAT | typeof FLOAT16): Constant {
  return weights('patch_weights', [CHANNELS, 3, PATCH, PATCH], type, 1)
}

function weights(
  name: string,
  shape: readonly number[],
  type: typeof FLOAT | typeof FLOAT16,
  seed: number,
): Constant & { values: number[] } {
  const random = randomNumbers(seed)
  const values = Array.from({ length: shape.reduce((a, b) => a * b) }, random)
  return { name, type, shape, values: type === FLOAT16 ? values.map(toHalf) : values }
}

/** [batch, rows] times random weights [rows, DIMENSION], with the operators of the precision. */
function projecting(
  from: string,
  to: string,
  rows: number,
  precision: Precision,
  seed: number,
): { nodes: Node[]; constants: Constant[] } {
  const name = `${to}_weights`
  const shape = [rows, DIMENSION]
  if (precision === 'int8') return quantised(from, to, weights(name, shape, FLOAT, seed))
  if (precision === 'q4') return inFourBits(from, to, rows, seed)
  const type = precision === 'fp16' ? FLOAT16 : FLOAT
  return {
    nodes: [{ op: 'MatMul', inputs: [from, name], outputs: [to] }],
    constants: [weights(name, shape, type, seed)],
  }
}

/** As ONNX Runtime's dynamic quantiser writes it with `reduce_range`, which every CPU computes in the same way. */
function quantised(from: string, to: string, { name, shape, values }: Constant & { values: number[] }) {
  const scale = 0.5 / 63
  const at = (what: string) => `${to}_${what}`
  const nodes: Node[] = [
    { op: 'DynamicQuantizeLinear', inputs: [from], outputs: [at('bytes'), at('scale'), at('zero')] },
    { op: 'MatMulInteger', inputs: [at('bytes'), name, at('zero')], outputs: [at('sum')] },
    { op: 'Cast', inputs: [at('sum')], outputs: [at('float')], attributes: { to: FLOAT } },
    { op: 'Mul', inputs: [at('scale'), at('weight_scale')], outputs: [at('both_scales')] },
    { op: 'Mul', inputs: [at('float'), at('both_scales')], outputs: [to] },
  ]
  const constants: Constant[] = [
    { name, type: INT8, shape, values: values.map(value => Math.round(value / scale)) },
    { name: at('weight_scale'), type: FLOAT, shape: [1], values: [scale] },
  ]
  return { nodes, constants }
}

/** 4 bits a weight, two in a byte, with a scale for every block of 32 of a column. */
function inFourBits(from: string, to: string, rows: number, seed: number) {
  const block = Math.min(32, rows)
  const blocks = rows / block
  const random = randomNumbers(seed)
  const bytes = Array.from({ length: (DIMENSION * rows) / 2 }, () => Math.floor((random() + 0.5) * 256))
  const nodes: Node[] = [
    {
      op: 'MatMulNBits',
      domain: 'com.microsoft',
      inputs: [from, `${to}_bytes`, `${to}_scales`],
      outputs: [to],
      attributes: { K: rows, N: DIMENSION, bits: 4, block_size: block },
    },
  ]
  const constants: Constant[] = [
    { name: `${to}_bytes`, type: UINT8, shape: [DIMENSION, blocks, block / 2], values: bytes },
    {
      name: `${to}_scales`,
      type: FLOAT,
      shape: [DIMENSION * blocks],
      values: new Array(DIMENSION * blocks).fill(1 / 16),
    },
  ]
  return { nodes, constants }
}
