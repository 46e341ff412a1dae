import { AppError } from '../../domain/errors.js'
import { ENTRIES, type KnownEntry } from './entries.js'
import { filesOf, type ModelEntry, type ModelFile, type ModelShape } from './entry.js'

interface HubOrigin {
  readonly kind: 'hub'
  readonly repository: string
  /** Commit of the repository. */
  readonly revision: string
  readonly files: readonly ModelFile[]
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
export type LocalModelSpec = Described<BundledOrigin | FolderOrigin>
export type UnpinnedModelSpec = Described<UnpinnedOrigin>
/** One model in one precision: everything to fetch, open and describe it. */
export type ModelSpec = HubModelSpec | LocalModelSpec | UnpinnedModelSpec

/** Every model of this package, the default first. */
export const MODELS: readonly ModelSpec[] = ENTRIES.flatMap(known =>
  Object.keys(known.entry.precisions).map(precision => specOf(known.entry, precision, originOf(known, precision))),
)

/** Returns the specification of one precision of an entry. */
export function specOf(entry: ModelEntry, precision: string, origin: ModelSpec['origin']): ModelSpec {
  const { precisions, defaultPrecision, ...shared } = entry
  const { vision, text } = precisions[precision]!
  const isDefault = precision === defaultPrecision
  return { ...shared, precision, isDefault, visionFile: vision, textFile: text, origin } as ModelSpec
}

function originOf(known: KnownEntry, precision: string): ModelSpec['origin'] {
  if ('bundled' in known) return { kind: 'bundled', ...known.bundled }
  const { repository, revision, pinned = [] } = known.hub
  const needed = filesOf(known.entry, precision)
  if (revision === undefined || !needed.every(path => pinned.some(file => file.path === path)))
    return { kind: 'unpinned', repository, files: needed }
  // Includes the configuration files next to the towers, for other programs that read the folder.
  const files = pinned.filter(({ path }) => needed.includes(path) || !path.startsWith('onnx/'))
  return { kind: 'hub', repository, revision, files }
}

/**
 * Finds a model by name.
 * @param reference `name` for its default precision, or `name@precision`
 * @param models including those of MODEL_FOLDERS
 * @throws AppError MODEL_UNKNOWN with the list of known models
 */
export function resolveModel(reference: string, models: readonly ModelSpec[] = MODELS): ModelSpec {
  const [name, precision] = reference.split('@', 2)
  const found = models.find(
    model => model.name === name && (precision === undefined ? model.isDefault : model.precision === precision),
  )
  if (found) return found
  const known = models.map(model => `${model.name}@${model.precision}${model.isDefault ? ` (or ${model.name})` : ''}`)
  throw new AppError(
    'MODEL_UNKNOWN',
    `Expected a known model, found ${JSON.stringify(reference)}. Known: ${known.join(', ')}. See \`models list\`; MODEL_FOLDERS adds your own models.`,
  )
}

/** Returns whether its files are downloadable. */
export function isFromHub(spec: ModelSpec): spec is HubModelSpec {
  return spec.origin.kind === 'hub'
}

/** Returns whether the folder of its files is still unknown. */
export function isUnplaced(spec: ModelSpec): spec is UnpinnedModelSpec {
  return spec.origin.kind === 'unpinned'
}
