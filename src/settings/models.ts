import { z } from 'zod'
import { textList, url } from './schemas.js'
import type { Setting } from './setting.js'

export const MODELS_SETTINGS = {
  MODEL: {
    schema: z.string().min(1),
    default: 'clip-vit-b-32',
    expected: 'a name from `models list`, optionally with @precision',
    help: 'Model for embedding and searching.',
  },
  MODEL_FOLDERS: {
    schema: textList,
    default: [],
    shownDefault: 'none',
    expected: 'FOLDER or NAME=FOLDER, separated by commas',
    help: 'Your own models: folders with a `model.json`, or `name=folder` for local files of a known model.',
  },
  MODELS_DIR: {
    schema: z.string().min(1).optional(),
    default: undefined,
    shownDefault: '$UNSPLASH_CLIP_HOME/models',
    expected: 'a folder',
    help: 'Where to keep downloaded models.',
  },
  MODELS_LOCK: {
    schema: z.string().min(1).optional(),
    default: undefined,
    shownDefault: '$MODELS_DIR/models.lock.json',
    expected: 'a file',
    help: 'Lock file of `models add`: which models were added, with the digests of their files. Share it with every machine.',
  },
  MODEL_SOURCE: {
    schema: z.string().min(1).optional(),
    default: undefined,
    shownDefault: '$HF_ENDPOINT',
    expected: 'a folder, s3://bucket/prefix, or http(s)://host of a hub',
    help: 'Where to get model files on first use.',
  },
  HF_ENDPOINT: {
    schema: url(['http:', 'https:']),
    default: 'https://huggingface.co',
    expected: 'http(s)://host',
    help: 'Address of the model hub, for example a mirror.',
  },
  HF_TOKEN: {
    schema: z
      .string()
      .regex(/^[\x21-\x7e]+$/)
      .optional(),
    default: undefined,
    shownDefault: 'none',
    expected: 'an access token',
    help: 'Access token for private and gated repositories of the hub. It is sent to `HF_ENDPOINT` only.',
  },
  PREPROCESS: {
    advanced: true,
    schema: z.enum(['exact', 'fast']),
    default: 'exact',
    expected: 'exact or fast',
    help: 'exact: the same pixels as CLIP’s own preprocessing. fast: decodes large JPEG and WebP at a smaller size.',
  },
  JPEG_DECODER: {
    advanced: true,
    schema: z.enum(['auto', 'libvips']),
    default: 'auto',
    expected: 'auto or libvips',
    help: 'auto: the built-in decoder handles ordinary JPEGs. libvips: the built-in decoder is off; decoding takes longer.',
  },
} as const satisfies Record<string, Setting>
