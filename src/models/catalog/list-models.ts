import { join } from 'node:path'
import type { FileRewrites } from '../../domain/rewrite.js'
import { modelFolder } from '../files/files.js'
import { statOrNothing } from '../files/verified-files.js'
import type { ExecutionProvider } from '../runtime/providers.js'
import { planRewrites } from '../runtime/rewrite-graph.js'
import { type HubModelSpec, isAdded, isFromHub, isUnplaced, type ModelSpec } from './registry.js'

export interface ListedModel {
  readonly name: string
  readonly precision: string
  /** Whether the bare name means this precision. */
  readonly default: boolean
  readonly title: string
  readonly license: string
  readonly dimension: number
  /** A limitation that every user of the model must know. */
  readonly note: string | undefined
  /** Size of all its files; without a download, of the files that are present. */
  readonly bytes: number
  /** Whether every file is present with the right size. `verifyModel` also checks the contents. */
  readonly present: boolean
  /** Null for a model without a download whose folder is not in MODEL_FOLDERS. */
  readonly folder: string | null
  /** Of a model that `models add` added: `hf:owner/name@commit`, a bucket or a folder. */
  readonly source?: string
  /** Rewrites that apply to the graphs of its towers; null unless its files are present and readable. */
  readonly rewrites: readonly FileRewrites[] | null
}

/**
 * Lists models with the state of their files.
 * @param cacheDir folder of the downloaded models
 * @param provider where encoders compute: it decides which rewrites apply
 */
export function listModels(
  models: readonly ModelSpec[],
  cacheDir: string,
  provider: ExecutionProvider = 'cpu',
): Promise<ListedModel[]> {
  return Promise.all(
    models.map(spec => describe(spec, isUnplaced(spec) ? null : modelFolder(spec, cacheDir), provider)),
  )
}

async function describe(spec: ModelSpec, folder: string | null, provider: ExecutionProvider): Promise<ListedModel> {
  const { name, precision, title, license, dimension, note } = spec
  const { bytes, present } = folder === null ? { bytes: 0, present: false } : await sizes(spec, folder)
  return {
    name,
    precision,
    default: spec.isDefault,
    title,
    license,
    dimension,
    note,
    folder,
    bytes,
    present,
    ...(isAdded(spec) ? { source: sourceOf(spec) } : {}),
    rewrites: present && folder !== null ? planRewrites(spec, folder, { provider }) : null,
  }
}

function sourceOf({ origin: { added, revision } }: HubModelSpec): string {
  return revision === '' ? added!.source : `${added!.source}@${revision}`
}

async function sizes(spec: ModelSpec, folder: string): Promise<Pick<ListedModel, 'bytes' | 'present'>> {
  const expected = isFromHub(spec) ? spec.origin.files : spec.origin.files.map(path => ({ path, bytes: undefined }))
  let bytes = 0
  let present = true
  for (const file of expected) {
    const found = (await statOrNothing(join(folder, file.path)))?.size
    bytes += file.bytes ?? found ?? 0
    present &&= found !== undefined && found === (file.bytes ?? found)
  }
  return { bytes, present }
}
