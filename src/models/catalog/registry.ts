import { AppError } from '../../domain/errors.js'
import { ENTRIES, type KnownEntry } from './entries.js'
import { filesOf, type ModelEntry } from './entry.js'
import { withMade } from './made.js'
import type { ModelSpec } from './spec.js'

export {
  type AddedModelSpec,
  type HubModelSpec,
  isAdded,
  isFromHub,
  isMade,
  isUnplaced,
  type LocalModelSpec,
  type MadeModelSpec,
  type ModelSpec,
  type UnpinnedModelSpec,
} from './spec.js'

/** Every model of this package, that of the settings first. */
export const MODELS: readonly ModelSpec[] = withMade(
  ENTRIES.flatMap(known =>
    Object.keys(known.entry.precisions).map(precision => specOf(known.entry, precision, originOf(known, precision))),
  ),
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
    `Expected a known model, found ${JSON.stringify(reference)}. Known: ${known.join(', ')}. See \`models list\`; \`models add\` and MODEL_FOLDERS add other models.`,
  )
}
