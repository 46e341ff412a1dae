import { AppError } from '../domain/errors.js'

/** One file of a model, relative to the model's folder, with its size and SHA-256 in lower-case hex. */
export interface ModelFile {
  readonly path: string
  readonly bytes: number
  readonly sha256: string
}

/** What the towers expect and give; all precisions of a model share it. */
interface ModelShape {
  readonly dimension: number
  /** Side of the square input, in pixels. */
  readonly imageSize: number
  /** Of the training pixels scaled to [0, 1], per channel, RGB. */
  readonly mean: readonly [number, number, number]
  readonly std: readonly [number, number, number]
  /** Longest token sequence, start and end token included. */
  readonly contextLength: number
  /** Scores are softmax over logitScale × cosine similarity. */
  readonly logitScale: number
}

interface HubOrigin {
  readonly kind: 'hub'
  readonly repository: string
  /** Commit of the repository. */
  readonly revision: string
  readonly files: readonly ModelFile[]
}

/** Ships with the package; its revision is the digest of its files, so that a retrained model is another model. */
interface BundledOrigin {
  readonly kind: 'bundled'
  /** Relative to the package. */
  readonly folder: string
  readonly files: readonly string[]
}

interface Described<Origin> extends ModelShape {
  readonly name: string
  readonly precision: string
  /** Whether the bare name stands for this precision. */
  readonly isDefault: boolean
  readonly title: string
  readonly license: string
  /** A limit that everyone who uses the model must be told. */
  readonly note?: string
  readonly origin: Origin
  /** Paths of the two towers among the files. */
  readonly visionFile: string
  readonly textFile: string
}

export type HubModelSpec = Described<HubOrigin>
export type BundledModelSpec = Described<BundledOrigin>
/** One model in one precision: everything to fetch, open and describe it. */
export type ModelSpec = HubModelSpec | BundledModelSpec

/** Pixel statistics of OpenAI's CLIP training set (openai/CLIP, clip/clip.py, `_transform`). */
const CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073] as const
const CLIP_STD = [0.26862954, 0.26130258, 0.27577711] as const

const CLIP_VIT_B_32 = {
  name: 'clip-vit-b-32',
  title: 'OpenAI CLIP ViT-B/32',
  license: 'MIT',
  dimension: 512,
  imageSize: 224,
  mean: CLIP_MEAN,
  std: CLIP_STD,
  contextLength: 77,
  logitScale: 100,
} as const

const CLIP_HUB = {
  kind: 'hub',
  repository: 'Xenova/clip-vit-base-patch32',
  revision: 'd15189d7028b43f1d3e65039190477f6af591c2a',
} as const

/** Files that both precisions of CLIP ViT-B/32 need. */
const CLIP_COMMON_FILES: readonly ModelFile[] = [
  {
    path: 'config.json',
    bytes: 4_524,
    sha256: '493ef57ff783e42d1530c91b53469b7fdf8db8a9c1408e86998fcb7899a4f495',
  },
  {
    path: 'preprocessor_config.json',
    bytes: 520,
    sha256: '6f638fb9401a6d6296feff533ee7efe657b787c49f954f82f5906b36ef2a1b1f',
  },
  {
    path: 'tokenizer_config.json',
    bytes: 775,
    sha256: '60ba2912bc6344c94bc16bbdec27fa1209409167b6f2fdf3cfe9e65462ea3967',
  },
  {
    path: 'tokenizer.json',
    bytes: 2_224_119,
    sha256: 'f7f3b7af117d467b58374797691a6438d3e6b9e9cef800dfd5dced7f697a90cd',
  },
]

/** Every model this project knows, the default first. */
export const MODELS: readonly ModelSpec[] = [
  {
    ...CLIP_VIT_B_32,
    precision: 'int8',
    isDefault: true,
    visionFile: 'onnx/vision_model_quantized.onnx',
    textFile: 'onnx/text_model_quantized.onnx',
    origin: {
      ...CLIP_HUB,
      files: [
        ...CLIP_COMMON_FILES,
        {
          path: 'onnx/text_model_quantized.onnx',
          bytes: 64_504_507,
          sha256: '73baab855d406190da9faa498cfedf65f15cf309f4cc7385b7b032e6d08e5c3a',
        },
        {
          path: 'onnx/vision_model_quantized.onnx',
          bytes: 89_117_001,
          sha256: '583fd1110a514667812fee7d684952aaf82a99b959760c8d7dca7e0ab9839299',
        },
      ],
    },
  },
  {
    ...CLIP_VIT_B_32,
    precision: 'fp32',
    isDefault: false,
    visionFile: 'onnx/vision_model.onnx',
    textFile: 'onnx/text_model.onnx',
    origin: {
      ...CLIP_HUB,
      files: [
        ...CLIP_COMMON_FILES,
        {
          path: 'onnx/text_model.onnx',
          bytes: 254_058_553,
          sha256: '3f6571f5bad13a97c469c1622e1cfc4d9aef78b79fdbfcff804ca357bfada8cc',
        },
        {
          path: 'onnx/vision_model.onnx',
          bytes: 351_685_709,
          sha256: 'fd6e1402a588279d1723c7534d4bcba5bc0b14b47dfab0e46f8c47b8270d7d40',
        },
      ],
    },
  },
  {
    name: 'demo',
    precision: 'fp32',
    isDefault: true,
    title: 'Miniature CLIP, trained on scenes that this project renders',
    note: 'The demo model understands rendered scenes, not photographs. For your own photos use clip-vit-b-32.',
    license: 'MIT',
    dimension: 128,
    imageSize: 224,
    mean: CLIP_MEAN,
    std: CLIP_STD,
    contextLength: 32,
    logitScale: 100,
    visionFile: 'onnx/vision_model.onnx',
    textFile: 'onnx/text_model.onnx',
    origin: {
      kind: 'bundled',
      folder: 'models/demo',
      files: [
        'config.json',
        'preprocessor_config.json',
        'tokenizer_config.json',
        'tokenizer.json',
        'onnx/text_model.onnx',
        'onnx/vision_model.onnx',
      ],
    },
  },
]

/**
 * Finds a model.
 * @param reference `name` for its default precision, or `name@precision`
 * @throws AppError MODEL_UNKNOWN that lists the known ones
 */
export function resolveModel(reference: string): ModelSpec {
  const [name, precision] = reference.split('@', 2)
  const found = MODELS.find(
    model => model.name === name && (precision === undefined ? model.isDefault : model.precision === precision),
  )
  if (found) return found
  const known = MODELS.map(model => `${model.name}@${model.precision}${model.isDefault ? ` (or ${model.name})` : ''}`)
  throw new AppError(
    'MODEL_UNKNOWN',
    `Expected a known model, found ${JSON.stringify(reference)}. Known: ${known.join(', ')}. See \`models list\`.`,
  )
}

/** Whether its files are fetched; the others ship with the package. */
export function isFromHub(spec: ModelSpec): spec is HubModelSpec {
  return spec.origin.kind === 'hub'
}
