import { AppError } from '../../domain/errors.js'
import { errorMessage } from '../../domain/text/error-text.js'
import type { ModelEntry, PrecisionFiles } from '../catalog/entry.js'
import { parseModelJson } from '../catalog/model-json.js'
import { deriveImages, Underivable } from './image-input.js'
import type { Json } from './json.js'
import type { LabelScale } from './label-scale.js'
import type { ModelSignature } from './signature.js'
import { deriveTexts } from './text-input.js'
import { dimensionIn, type ImageGraph, imageOutputOf, type TextGraph } from './towers.js'

/** Everything that is known of a model before it runs. */
export interface ModelDescription {
  readonly source: string
  readonly name: string
  readonly title: string
  readonly license?: string
  readonly config?: Json
  readonly openClipConfig?: Json
  readonly preprocessor?: { readonly file: string; readonly json: Json }
  readonly tokenizer?: Json
  readonly tokenizerConfig?: Json
  readonly vision: { readonly signature: ModelSignature; readonly graph: ImageGraph }
  /** Absent for a model that embeds images only. */
  readonly text?: TextGraph
  readonly scale: LabelScale
  readonly precision: string
  readonly files: PrecisionFiles
  /** Fields of model.json that the user states. They count before derived ones. */
  readonly fields: Json
  /** Runs the image tower. @returns the length of its embeddings */
  readonly measure: (size: number, pooling: 'first' | undefined) => Promise<number>
}

/** A field of model.json, in words, and where it comes from. */
export interface Finding {
  readonly field: string
  readonly value: string
  readonly from: string
}

export interface DerivedModel {
  readonly entry: ModelEntry
  readonly findings: readonly Finding[]
  /** See `DerivedTexts.fill`. */
  readonly fill?: number
}

/**
 * Derives `model.json`.
 * @throws AppError MODEL_INVALID that names each field that the files do not give, and what to do
 */
export async function deriveModel(description: ModelDescription): Promise<DerivedModel> {
  const { source, name, title, license, config, openClipConfig, scale, precision, files, fields } = description
  const findings: Finding[] = []
  const missing: string[] = []
  const tell = (field: string, value: string, from: string) => findings.push({ field, value, from })
  /** Notes what cannot be derived, unless the user states all of it. */
  const attempt = <T>(wanted: readonly string[], derive: () => T): T | undefined => {
    try {
      return derive()
    } catch (error) {
      if (!(error instanceof Underivable)) throw error
      const left = wanted.filter(field => !Object.hasOwn(fields, field))
      if (left.length > 0) missing.push(`${left.join(', ')}: ${errorMessage(error)}`)
      return undefined
    }
  }

  const images = attempt(['input', 'mean', 'std'], () =>
    deriveImages({ ...description, graphSize: description.vision.graph.size }),
  )
  if (images) {
    const { size, fit, cropShare, kernel } = images.input
    const how =
      fit === 'squash'
        ? 'both edges resized'
        : `the centre of the shortest edge resized to ${Math.floor(size / cropShare)}`
    tell('input', `${size} × ${size}, ${how}, ${kernel}`, images.from)
    tell('mean, std', `${images.mean.map(short).join(' ')}, ${images.std.map(short).join(' ')}`, images.from)
  }
  const output = attempt(['pooling'], () => imageOutputOf(description.vision.signature, config))
  const pooling = (fields.pooling as 'first' | undefined) ?? output?.pooling
  const { tokenizer, tokenizerConfig, text } = description
  const texts =
    text && tokenizer && tokenizerConfig
      ? attempt(['text'], () =>
          deriveTexts({
            config,
            openClipConfig,
            tokenizer,
            tokenizerConfig,
            graphLength: text.length,
            hasMask: text.hasMask,
          }),
        )
      : undefined
  if (texts)
    tell('text', texts.from, text?.length === undefined ? 'tokenizer and config.json' : 'tokenizer and the graph')
  if (missing.length > 0) throw underivable(source, missing)

  const size = (fields.input as { size?: number } | undefined)?.size ?? images?.input.size ?? 0
  const stated = output?.dimension ?? dimensionIn(config, openClipConfig)
  const dimension = (fields.dimension as number | undefined) ?? stated ?? (await description.measure(size, pooling))
  tell('dimension', String(dimension), output?.from ?? 'the stated fields')
  if (text) {
    const { scoring, logitScale, logitBias, from } = scale
    tell(
      'labels',
      `${scoring} of ${short(logitScale)} × cosine ${logitBias < 0 ? '−' : '+'} ${short(Math.abs(logitBias))}`,
      from,
    )
  }
  const json = {
    name,
    title: oneLine(title),
    license: oneLine(license ?? 'not stated'),
    dimension,
    input: images?.input,
    mean: images?.mean,
    std: images?.std,
    ...(pooling ? { pooling } : {}),
    ...(text ? { text: texts?.input } : {}),
    scoring: scale.scoring,
    logitScale: scale.logitScale,
    logitBias: scale.logitBias,
    ...fields,
    defaultPrecision: precision,
    precisions: { [precision]: files },
  }
  const parsed = parseModelJson(JSON.parse(JSON.stringify(json)))
  if ('faults' in parsed) throw underivable(source, parsed.faults)
  const isStated = Object.hasOwn(fields, 'text')
  return { entry: parsed.entry, findings, fill: isStated ? undefined : texts?.fill }
}

function underivable(source: string, missing: readonly string[]): AppError {
  return new AppError(
    'MODEL_INVALID',
    `Cannot derive model.json of ${source}:\n${missing.map(fault => `  ${fault}`).join('\n')}\n` +
      'State these fields of model.json in a JSON file, and pass it: models add … --fields FILE (docs/reference/model-files.md explains each field).',
  )
}

function oneLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ').slice(0, 300)
}

function short(value: number): string {
  return String(Math.round(value * 1e4) / 1e4)
}
