import { AppError } from '../domain/errors.js'
import { ENTRIES, type KnownEntry } from './entries.js'
import { filesOf, type ModelEntry, type ModelShape } from './entry.js'

/** One file of a model, relative to the model's folder, with its size and SHA-256 in lower-case hex. */
export interface ModelFile {
  readonly path: string
  readonly bytes: number
  readonly sha256: string
  /** Where it is on the hub, if not where the model says. */
  readonly from?: { readonly repository: string; readonly revision: string }
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

/** In a folder that MODEL_FOLDERS names; its revision is the digest of its files and of its data. */
interface FolderOrigin {
  readonly kind: 'folder'
  readonly folder: string
  readonly files: readonly string[]
}

/** Nobody has confirmed its files' digests, so it is never fetched: MODEL_FOLDERS must say where its files are. */
interface UnpinnedOrigin {
  readonly kind: 'unpinned'
  /** On the hub: where a user may get the files. */
  readonly repository: string
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
  /** Paths of the towers among the files; the same path where one file holds both. */
  readonly visionFile: string
  /** Absent exactly where `text` is. */
  readonly textFile?: string
}

export type HubModelSpec = Described<HubOrigin>
export type LocalModelSpec = Described<BundledOrigin | FolderOrigin>
export type UnpinnedModelSpec = Described<UnpinnedOrigin>
/** One model in one precision: everything to fetch, open and describe it. */
export type ModelSpec = HubModelSpec | LocalModelSpec | UnpinnedModelSpec

/** Every model that comes with this project, the default first. */
export const MODELS: readonly ModelSpec[] = ENTRIES.flatMap(known =>
  Object.keys(known.entry.precisions).map(precision => specOf(known.entry, precision, originOf(known, precision))),
)

/** One precision of an entry. */
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
  // With the configuration that stands beside the towers, for whoever looks at the folder with other programs.
  const files = pinned.filter(({ path }) => needed.includes(path) || !path.startsWith('onnx/'))
  return { kind: 'hub', repository, revision, files }
}

/**
 * Finds a model.
 * @param reference `name` for its default precision, or `name@precision`
 * @param models those of MODEL_FOLDERS included
 * @throws AppError MODEL_UNKNOWN that lists the known ones
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
    `Expected a known model, found ${JSON.stringify(reference)}. Known: ${known.join(', ')}. See \`models list\`; MODEL_FOLDERS adds models of your own.`,
  )
}

/** Whether its files are fetched. */
export function isFromHub(spec: ModelSpec): spec is HubModelSpec {
  return spec.origin.kind === 'hub'
}

/** Whether nobody has said yet where its files are. */
export function isUnplaced(spec: ModelSpec): spec is UnpinnedModelSpec {
  return spec.origin.kind === 'unpinned'
}
