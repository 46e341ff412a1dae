import { join } from 'node:path'
import { modelKey } from '../../domain/model.js'
import { formatBytes } from '../../domain/text/format.js'
import { DEFAULT_HUB, hubUrl } from '../files/hub-source.js'
import { sourcePath } from '../files/source.js'
import type { ModelFile } from './entry.js'
import type { HubModelSpec, UnpinnedModelSpec } from './registry.js'

/** Describes a file: `onnx/vision_model.onnx of clip-vit-b-32@fp32 (351.7 MB)`. */
export function describeFile(model: HubModelSpec, file: ModelFile): string {
  return `${file.path} of ${modelKey(model)} (${formatBytes(file.bytes, 1)})`
}

/** Lists the other ways to get a model. Ends every message of a failed download. */
export function otherWays(model: HubModelSpec, missing: readonly ModelFile[], folder: string): string {
  const { added } = model.origin
  const isOnHub = added === undefined || added.source.startsWith('hf:')
  return [
    ...(isOnHub
      ? [
          'Download by hand:',
          ...missing.map(file => `  ${hubUrl(DEFAULT_HUB, model, file)}\n    to ${join(folder, file.path)}`),
        ]
      : [
          `It was added from ${added.source}. Copy from there:`,
          ...missing.map(file => `  ${sourcePath(file)}\n    to ${join(folder, file.path)}`),
        ]),
    'Or set MODEL_SOURCE to a folder or s3://bucket/prefix with the files, or HF_ENDPOINT to a mirror of the hub.',
    'To try without a download, use --model demo (it understands rendered scenes, not photographs).',
  ].join('\n')
}

/** Explains how to provide an unpinned model whose folder is not set. */
export function placingAdvice(spec: UnpinnedModelSpec): string {
  const { repository, files } = spec.origin
  return [
    `Expected a folder with the files of ${modelKey(spec)}, but MODEL_FOLDERS names none. unsplash-clip does not download these files because their digests are not pinned.`,
    `Get them from ${DEFAULT_HUB}/${repository}, or export them (docs/guides/models.md), into a separate folder:`,
    ...files.map(path => `  ${path}`),
    `Then set MODEL_FOLDERS=${spec.name}=/path/of/that/folder, also for the workers.`,
  ].join('\n')
}
