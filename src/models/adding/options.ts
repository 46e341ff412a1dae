import type { Encoder } from '../../domain/ports/encoder.js'
import type { ModelEntry, ModelFile } from '../catalog/entry.js'
import type { ModelSpec } from '../catalog/registry.js'
import type { Choice } from './choose-files.js'
import type { Finding } from './derive-model.js'
import type { Json } from './json.js'
import type { Repository } from './sources/repository.js'

export interface AddOptions extends Choice {
  readonly repository: Repository
  /** Opens the repository that the files were made of, for two numbers of its weights. */
  readonly baseOf?: (repository: string) => Repository
  /** Default: made of the source's. */
  readonly name?: string
  /** Names of models in folders of the user. */
  readonly taken?: readonly string[]
  /** Whether a model of this name from another revision or source gives way. */
  readonly update?: boolean
  /** Fields of model.json that count before derived ones. */
  readonly fields: Json
  readonly maxBytes: number
  /** Folder of the models. */
  readonly cacheDir: string
  /** Path of models.lock.json. */
  readonly lock: string
  readonly openEncoder: (spec: ModelSpec, folder: string) => Promise<Encoder>
  readonly onProgress?: (path: string, doneBytes: number, totalBytes: number) => void
  readonly signal: AbortSignal
}

export interface AddedModel {
  readonly name: string
  readonly precision: string
  readonly source: string
  readonly revision?: string
  readonly folder: string
  readonly entry: ModelEntry
  readonly files: readonly ModelFile[]
  readonly findings: readonly Finding[]
  /** What runs of the towers showed, one sentence each. */
  readonly confirmed: readonly string[]
  /** What could not be confirmed, one sentence each. */
  readonly doubts: readonly string[]
}
