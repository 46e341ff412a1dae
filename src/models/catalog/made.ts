import { createHash } from 'node:crypto'
import { isAdded, isFromHub, type MadeModelSpec, type ModelSpec } from './spec.js'

/** The precision that this program makes from the files in 32 bits. */
export const MADE_PRECISION = 'int8-smooth'

/**
 * Version of the way in which it is made. Raise it whenever the same files would give other embeddings: vectors of two
 * versions never mix.
 */
export const RECIPE_VERSION = 2

/** Files with both towers, or one: named like those of the hub, by precision. */
const MADE_FILES = {
  vision: 'onnx/vision_model_int8_smooth.onnx',
  text: 'onnx/text_model_int8_smooth.onnx',
  both: 'onnx/model_int8_smooth.onnx',
}

/**
 * Adds the made precision to each model with text and with files in 32 bits whose place is known. It is the default of
 * a model of which no other precision is.
 */
export function withMade(models: readonly ModelSpec[]): ModelSpec[] {
  const named = new Set(models.filter(({ precision }) => precision === MADE_PRECISION).map(({ name }) => name))
  const withDefault = new Set(models.filter(({ isDefault }) => isDefault).map(({ name }) => name))
  return models.flatMap(spec =>
    isSource(spec) && !named.has(spec.name) ? [spec, madeFrom(spec, !withDefault.has(spec.name))] : [spec],
  )
}

function isSource({ precision, textFile, origin }: ModelSpec): boolean {
  return precision === 'fp32' && textFile !== undefined && (origin.kind === 'hub' || origin.kind === 'folder')
}

function madeFrom(from: ModelSpec, isDefault: boolean): MadeModelSpec {
  const isOne = from.visionFile === from.textFile
  const visionFile = isOne ? MADE_FILES.both : MADE_FILES.vision
  const textFile = isOne ? MADE_FILES.both : MADE_FILES.text
  const files = [...new Set([...TOKENIZER, textFile, visionFile])]
  const origin = { kind: 'made', from, files } as const
  return { ...from, precision: MADE_PRECISION, isDefault, visionFile, textFile, origin }
}

export const TOKENIZER = ['tokenizer_config.json', 'tokenizer.json'] as const

/** Returns the towers in 32 bits that a made precision comes from. */
export function sourceTowers({ origin: { from } }: MadeModelSpec): string[] {
  return [...new Set([from.visionFile, from.textFile!])]
}

/**
 * Returns the revision of a made precision: the version of the recipe, and the start of a digest of what it was made of.
 * @param source revision of the model in 32 bits; of pinned files of this package the digests count instead
 */
export function madeRevision(spec: MadeModelSpec, source: string): string {
  const { from } = spec.origin
  const towers = sourceTowers(spec)
  const known =
    isFromHub(from) && !isAdded(from)
      ? from.origin.files.filter(({ path }) => towers.includes(path)).map(({ path, sha256 }) => `${sha256}  ${path}\n`)
      : [source]
  const digest = createHash('sha256').update(known.join('')).digest('hex')
  return `recipe${RECIPE_VERSION}-${digest.slice(0, 12)}`
}
