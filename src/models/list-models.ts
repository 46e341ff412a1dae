import { join } from 'node:path'
import { modelFolder } from './files.js'
import { isFromHub, isUnplaced, type ModelSpec } from './registry.js'
import { statOrNothing } from './verified-files.js'

export interface ListedModel {
  readonly name: string
  readonly precision: string
  /** Whether the bare name stands for this precision. */
  readonly default: boolean
  readonly title: string
  readonly license: string
  readonly dimension: number
  /** A limit that everyone who uses the model must be told. */
  readonly note: string | undefined
  /** Of all its files; of those that are here for a model that is not fetched. */
  readonly bytes: number
  /** Whether every file is here with the right size. `verifyModel` also looks at their contents. */
  readonly present: boolean
  /** Null for a model that is not fetched while MODEL_FOLDERS does not name its folder. */
  readonly folder: string | null
}

/** @param cacheDir folder of the downloaded models */
export function listModels(models: readonly ModelSpec[], cacheDir: string): Promise<ListedModel[]> {
  return Promise.all(models.map(spec => describe(spec, isUnplaced(spec) ? null : modelFolder(spec, cacheDir))))
}

async function describe(spec: ModelSpec, folder: string | null): Promise<ListedModel> {
  const { name, precision, title, license, dimension, note } = spec
  return {
    name,
    precision,
    default: spec.isDefault,
    title,
    license,
    dimension,
    note,
    folder,
    ...(folder === null ? { bytes: 0, present: false } : await sizes(spec, folder)),
  }
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
