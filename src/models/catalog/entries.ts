import { clipInput } from '../../domain/image-input.js'
import type { ModelEntry, ModelFile } from './entry.js'
import { MADE_PRECISION } from './made.js'

/** A model of this package: its data, and the source of its files. */
export type KnownEntry = { readonly entry: ModelEntry } & (
  | { readonly hub: Repository }
  | { readonly bundled: { readonly folder: string; readonly files: readonly string[] } }
)

interface Repository {
  readonly repository: string
  /** Commit of the repository. Absent: nothing is pinned. */
  readonly revision?: string
  /** Precisions whose files are all listed here are downloadable. Others need a folder from the user. */
  readonly pinned?: readonly ModelFile[]
}

/** Returns the files of both towers, named as in the Hugging Face layout. @param suffix of the precision */
const towers = (suffix: string) => ({
  vision: `onnx/vision_model${suffix}.onnx`,
  text: `onnx/text_model${suffix}.onnx`,
})
const FP32 = towers('')
const FP16 = towers('_fp16')
const INT8 = towers('_quantized')
const Q4 = towers('_q4')

/** Shape of every OpenAI CLIP. */
const CLIP = {
  license: 'MIT',
  input: clipInput(224),
  // Pixel statistics of the training set (openai/CLIP, clip/clip.py, `_transform`).
  mean: [0.48145466, 0.4578275, 0.40821073],
  std: [0.26862954, 0.26130258, 0.27577711],
  text: { contextLength: 77, clean: 'openai' },
  scoring: 'softmax',
  // exp of the trained scale, clipped at 100 in training (Radford et al. 2021, 2.5).
  logitScale: 100,
  logitBias: 0,
  defaultPrecision: 'int8',
  precisions: { int8: INT8, fp32: FP32, fp16: FP16 },
} as const

/** Of a CLIP whose files in 32 bits are fetched: what this program makes of them (docs/explanation/encoders.md). */
const MADE_CLIP = { ...CLIP, defaultPrecision: MADE_PRECISION } as const

const B_32 = {
  repository: 'Xenova/clip-vit-base-patch32',
  revision: 'd15189d7028b43f1d3e65039190477f6af591c2a',
}

/** Every OpenAI CLIP uses the same tokenizer (openai/CLIP, clip/clip.py, `_tokenizer`). */
const CLIP_TOKENIZER: readonly ModelFile[] = [
  {
    path: 'tokenizer_config.json',
    bytes: 775,
    sha256: '60ba2912bc6344c94bc16bbdec27fa1209409167b6f2fdf3cfe9e65462ea3967',
    from: B_32,
  },
  {
    path: 'tokenizer.json',
    bytes: 2_224_119,
    sha256: 'f7f3b7af117d467b58374797691a6438d3e6b9e9cef800dfd5dced7f697a90cd',
    from: B_32,
  },
]

const B_16 = 'Xenova/clip-vit-base-patch16'
/**
 * Commits of B_16. The page of each (`huggingface.co/Xenova/clip-vit-base-patch16/commit/…`) has the digests and sizes.
 */
const B_16_WEIGHTS = { repository: B_16, revision: 'c32d8e02b868e2fbb4d080d155161b06393fb0f2' }
const B_16_HALF_TEXT = { repository: B_16, revision: '0c07da51292e02b474ac0db347e3bbb06fa70acb' }
const B_16_HALF_VISION = { repository: B_16, revision: '9a1940eefaddfa46fe89df96accca7d90bf3a57b' }

export const ENTRIES: readonly KnownEntry[] = [
  {
    entry: { ...MADE_CLIP, name: 'clip-vit-b-32', title: 'OpenAI CLIP ViT-B/32', dimension: 512 },
    hub: {
      ...B_32,
      pinned: [
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
        ...CLIP_TOKENIZER,
        {
          path: INT8.text,
          bytes: 64_504_507,
          sha256: '73baab855d406190da9faa498cfedf65f15cf309f4cc7385b7b032e6d08e5c3a',
        },
        {
          path: INT8.vision,
          bytes: 89_117_001,
          sha256: '583fd1110a514667812fee7d684952aaf82a99b959760c8d7dca7e0ab9839299',
        },
        {
          path: FP32.text,
          bytes: 254_058_553,
          sha256: '3f6571f5bad13a97c469c1622e1cfc4d9aef78b79fdbfcff804ca357bfada8cc',
        },
        {
          path: FP32.vision,
          bytes: 351_685_709,
          sha256: 'fd6e1402a588279d1723c7534d4bcba5bc0b14b47dfab0e46f8c47b8270d7d40',
        },
      ],
    },
  },
  {
    entry: { ...MADE_CLIP, name: 'clip-vit-b-16', title: 'OpenAI CLIP ViT-B/16', dimension: 512 },
    hub: {
      ...B_16_HALF_VISION,
      pinned: [
        ...CLIP_TOKENIZER,
        {
          path: INT8.text,
          bytes: 64_504_507,
          sha256: '9106b51e6c663a56b99182ec617c2b3d53577b037e7e24a7717eb78048a0c97a',
          from: B_16_WEIGHTS,
        },
        {
          path: INT8.vision,
          bytes: 87_461_602,
          sha256: '44eece4fe5fe4e0359a88268a327adf758633a1aade3917690b952bef1501f96',
          from: B_16_WEIGHTS,
        },
        {
          path: FP32.text,
          bytes: 254_058_553,
          sha256: '19f40c7988af119fc50dabfe8015da8595c0372000e2c1f1a6289e35930577aa',
          from: B_16_WEIGHTS,
        },
        {
          path: FP32.vision,
          bytes: 345_060_583,
          sha256: 'b5170b47c0ecc667c9af5b42ed460c341377706d1466d177798c65fe49ea1e6b',
          from: B_16_WEIGHTS,
        },
        {
          path: FP16.text,
          bytes: 127_339_794,
          sha256: '9e423931894ecbfc018894006883082edf010fce63f9cba02ffb6659582d8101',
          from: B_16_HALF_TEXT,
        },
        {
          path: FP16.vision,
          bytes: 172_768_684,
          sha256: '3e261924f7d66d04f10bb131f7f212162d9ee82199544771aa2dd318bb7e2b7b',
        },
      ],
    },
  },
  {
    entry: { ...CLIP, name: 'clip-vit-l-14', title: 'OpenAI CLIP ViT-L/14', dimension: 768 },
    hub: { repository: 'Xenova/clip-vit-large-patch14' },
  },
  {
    entry: {
      name: 'siglip-b-16-224',
      title: 'Google SigLIP base, patches of 16, 224 pixels',
      license: 'Apache-2.0',
      dimension: 768,
      // https://huggingface.co/google/siglip-base-patch16-224/blob/main/preprocessor_config.json
      input: { size: 224, fit: 'squash', cropShare: 1, kernel: 'bicubic' },
      mean: [0.5, 0.5, 0.5],
      std: [0.5, 0.5, 0.5],
      // Trained on sequences of 64, padded with the end token, without a mask (google/siglip-base-patch16-224,
      // tokenizer_config.json); lower case without punctuation: see `withoutPunctuation`.
      text: { contextLength: 64, padId: 1, lowerCase: true, dropPunctuation: true },
      scoring: 'sigmoid',
      // exp(4.764997) and the bias in google/siglip-base-patch16-224, model.safetensors: logit_scale, logit_bias.
      logitScale: 117.330795,
      logitBias: -12.932437,
      defaultPrecision: 'int8',
      precisions: { int8: INT8, fp32: FP32, fp16: FP16, q4: Q4 },
    },
    hub: { repository: 'Xenova/siglip-base-patch16-224' },
  },
  {
    entry: {
      name: 'efficientnet-b0',
      title: 'EfficientNet-B0 from timm (ra_in1k): its 1,280 pooled features, images only',
      license: 'Apache-2.0',
      note: 'The model efficientnet-b0 embeds only images: no words, no labels. Use it to find images similar to an image.',
      dimension: 1280,
      // https://huggingface.co/timm/efficientnet_b0.ra_in1k/blob/main/config.json: crop_pct 0.875, bicubic, mean, std.
      input: { size: 224, fit: 'crop', cropShare: 0.875, kernel: 'bicubic' },
      mean: [0.485, 0.456, 0.406],
      std: [0.229, 0.224, 0.225],
      // Unused: no labels to score.
      scoring: 'softmax',
      logitScale: 100,
      logitBias: 0,
      defaultPrecision: 'fp32',
      precisions: { fp32: { vision: 'onnx/model.onnx' } },
    },
    hub: { repository: 'timm/efficientnet_b0.ra_in1k' },
  },
  {
    entry: {
      ...CLIP,
      name: 'demo',
      title: 'Miniature CLIP, trained on scenes that this project renders',
      note: 'The demo model understands rendered scenes, not photographs. For your own photos use clip-vit-b-32.',
      dimension: 128,
      text: { contextLength: 32 },
      defaultPrecision: 'fp32',
      precisions: { fp32: FP32 },
    },
    bundled: {
      folder: 'models/demo',
      files: [
        'config.json',
        'preprocessor_config.json',
        'tokenizer_config.json',
        'tokenizer.json',
        FP32.text,
        FP32.vision,
      ],
    },
  },
]
