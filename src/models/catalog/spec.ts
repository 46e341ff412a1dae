import type { ModelFile, ModelShape } from './entry.js'

interface HubOrigin {
  readonly kind: 'hub'
  readonly repository: string
  /** Commit of the repository. */
  readonly revision: string
  readonly files: readonly ModelFile[]
  /** Of a model that the user added: pinned in models.lock.json instead of this package. */
  readonly added?: AddedOrigin
}

interface AddedOrigin {
  /** `hf:owner/name`, `s3://bucket/prefix` or a folder. */
  readonly source: string
  /** Of `files`, those that the precision reads. */
  readonly needed: readonly string[]
}

/** Ships with the package. Its revision is the digest of its files, so a retrained model is another model. */
interface BundledOrigin {
  readonly kind: 'bundled'
  /** Relative to the package. */
  readonly folder: string
  readonly files: readonly string[]
}

/** In a folder that MODEL_FOLDERS names. Its revision is the digest of its files and of its data. */
interface FolderOrigin {
  readonly kind: 'folder'
  readonly folder: string
  readonly files: readonly string[]
}

/** Without confirmed digests, so never downloaded: MODEL_FOLDERS must name the folder of its files. */
interface UnpinnedOrigin {
  readonly kind: 'unpinned'
  /** Hub repository from which a user may get the files. */
  readonly repository: string
  readonly files: readonly string[]
}

/** Made by this program from the files of another precision, into the folder of downloaded models. */
interface MadeOrigin {
  readonly kind: 'made'
  readonly from: ModelSpec
  readonly files: readonly string[]
}

interface Described<Origin> extends ModelShape {
  readonly name: string
  readonly precision: string
  /** Whether the bare name means this precision. */
  readonly isDefault: boolean
  readonly title: string
  readonly license: string
  /** A limitation that every user of the model must know. */
  readonly note?: string
  readonly origin: Origin
  /** Paths of the towers; the same path when one file contains both. */
  readonly visionFile: string
  /** Absent exactly when `text` is. */
  readonly textFile?: string
}

export type HubModelSpec = Described<HubOrigin>
/** A model that the user added. */
export type AddedModelSpec = HubModelSpec & { readonly origin: { readonly added: AddedOrigin } }
export type LocalModelSpec = Described<BundledOrigin | FolderOrigin>
export type UnpinnedModelSpec = Described<UnpinnedOrigin>
export type MadeModelSpec = Described<MadeOrigin>
/** One model in one precision: everything to fetch, open and describe it. */
export type ModelSpec = HubModelSpec | LocalModelSpec | UnpinnedModelSpec | MadeModelSpec

/** Returns whether its files are downloadable. */
export function isFromHub(spec: ModelSpec): spec is HubModelSpec {
  return spec.origin.kind === 'hub'
}

/** Returns whether the user added it: `models add`. */
export function isAdded(spec: ModelSpec): spec is AddedModelSpec {
  return isFromHub(spec) && spec.origin.added !== undefined
}

/** Returns whether the folder of its files is still unknown. */
export function isUnplaced(spec: ModelSpec): spec is UnpinnedModelSpec {
  return spec.origin.kind === 'unpinned'
}

/** Returns whether this program makes its files. */
export function isMade(spec: ModelSpec): spec is MadeModelSpec {
  return spec.origin.kind === 'made'
}
