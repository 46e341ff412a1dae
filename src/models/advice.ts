import { join } from 'node:path'
import { modelKey } from '../domain/model.js'
import { DEFAULT_HUB, hubUrl } from './hub-source.js'
import type { HubModelSpec, ModelFile, UnpinnedModelSpec } from './registry.js'

/** Sizes as people read them: 89.1 MB. */
export function formatSize(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB']
  const step = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1)
  return step === 0 ? `${bytes} bytes` : `${(bytes / 1000 ** step).toFixed(1)} ${units[step]}`
}

/** `onnx/vision_model.onnx of clip-vit-b-32@fp32 (351.7 MB)` */
export function describeFile(model: HubModelSpec, file: ModelFile): string {
  return `${file.path} of ${modelKey(model)} (${formatSize(file.bytes)})`
}

/** The other ways to get a model: the end of every message of a failed download. */
export function otherWays(model: HubModelSpec, missing: readonly ModelFile[], folder: string): string {
  return [
    'By hand: download',
    ...missing.map(file => `  ${hubUrl(DEFAULT_HUB, model, file)}\n    to ${join(folder, file.path)}`),
    'Or set MODEL_SOURCE to a folder or s3://bucket/prefix that holds the files, or HF_ENDPOINT to a mirror of the hub.',
    'For a first try without any download: --model demo (it understands rendered scenes, not photographs).',
  ].join('\n')
}

/** What to do about a model that is not fetched, while nobody has named its folder. */
export function placingAdvice(spec: UnpinnedModelSpec): string {
  const { repository, files } = spec.origin
  return [
    `Expected a folder with the files of ${modelKey(spec)}, found none named: their digests are not pinned, so they are not fetched.`,
    `Get them from ${DEFAULT_HUB}/${repository}, or export them (docs/models.md), into a folder of their own:`,
    ...files.map(path => `  ${path}`),
    `Then set MODEL_FOLDERS=${spec.name}=/path/of/that/folder, for the workers as well.`,
  ].join('\n')
}
