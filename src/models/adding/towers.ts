import { AppError } from '../../domain/errors.js'
import { FLOAT, FLOAT16 } from '../graph/model-graph.js'
import { IMAGE_OUTPUTS, TEXT_OUTPUTS, TOKEN_OUTPUTS } from '../graph/towers/outputs.js'
import { IDS, MASK, OF_NAFLEX } from '../runtime/signature.js'
import { Underivable } from './image-input.js'
import { isObject, type Json, numberAt, objectAt, textAt } from './json.js'
import type { DeclaredValue, ModelSignature } from './signature.js'
import { openClipOf } from './text-input.js'

/** What the graph of an image tower says about its input. */
export interface ImageGraph {
  /** Side of the square; undefined: any. */
  readonly size?: number
}

/** What the graph of a text tower says about its inputs. */
export interface TextGraph {
  readonly length?: number
  readonly hasMask: boolean
}

/**
 * Finds the pixels among the inputs.
 * @returns undefined when the graph takes none
 * @throws AppError MODEL_INVALID for pixels of a form that no model of this program takes
 */
export function imageGraphOf(path: string, { inputs }: ModelSignature): ImageGraph | undefined {
  if (inputs.some(({ name }) => OF_NAFLEX.includes(name)))
    throw invalid(
      path,
      'an image tower that takes squares of pixels',
      `${listed(inputs)}: patches of pictures of any shape, as SigLIP 2 NaFlex takes them`,
      'Use a SigLIP 2 of a fixed size, for example siglip2-base-patch16-224.',
    )
  const pixels = inputs.find(({ type, shape }) => (type === FLOAT || type === FLOAT16) && shape?.length === 4)
  if (!pixels) return undefined
  const [, channels, height, width] = pixels.shape!
  if (
    (typeof channels === 'number' && channels !== 3) ||
    (typeof height === 'number' && typeof width === 'number' && height !== width)
  )
    throw invalid(path, 'pixels [batch, 3, side, side]', listed([pixels]), 'Export the model for squares.')
  return { size: [height, width].find(size => typeof size === 'number') as number | undefined }
}

/** Finds the tokens among the inputs. @returns undefined when the graph takes none */
export function textGraphOf({ inputs }: ModelSignature): TextGraph | undefined {
  const ids = IDS.flatMap(name => inputs.filter(input => input.name === name))[0]
  if (!ids) return undefined
  const length = ids.shape?.[1]
  return {
    hasMask: inputs.some(({ name }) => name === MASK),
    ...(typeof length === 'number' ? { length } : {}),
  }
}

/** Families whose first token stands for the image. */
const CLASS_TOKEN = /^(vit|vit_.*|deit|beit|data2vec-vision|dino.*|nomic.*)$/

/** The embedding among the outputs of an image tower. */
export interface ImageOutput {
  readonly pooling?: 'first'
  /** Undefined: the graph does not state it. */
  readonly dimension?: number
  readonly from: string
}

/**
 * Chooses the output that the encoder will read, by the same names.
 * @throws Underivable
 */
export function imageOutputOf({ outputs }: ModelSignature, config: Json | undefined): ImageOutput {
  const find = (names: readonly string[]) => names.flatMap(name => outputs.filter(output => output.name === name))[0]
  const only = outputs.length === 1 ? outputs[0] : undefined
  const tokens = find(TOKEN_OUTPUTS) ?? (only?.shape?.length === 3 ? only : undefined)
  const chosen = find(IMAGE_OUTPUTS) ?? (only === tokens ? undefined : only)
  if (chosen) {
    const dimension = numberOf(chosen.shape?.[1])
    if (chosen.name === 'logits' && dimension !== undefined && dimension === classesOf(config))
      throw new Underivable(
        `its only output, logits [?, ${dimension}], are the scores of its classes. Export the model without its classifier (timm: num_classes=0; optimum: --task feature-extraction)`,
      )
    return { dimension, from: `output ${chosen.name}` }
  }
  const type = textAt(config, 'model_type') ?? ''
  if (tokens && CLASS_TOKEN.test(type))
    return {
      pooling: 'first',
      dimension: numberOf(tokens.shape?.[2]),
      from: `first token of the output ${tokens.name}`,
    }
  throw new Underivable(
    `none of the outputs ${listed(outputs)} is known to be the embedding (${IMAGE_OUTPUTS.join(', ')}). ${tokens ? `Of ${tokens.name}, set "pooling": "first" if the first token is it` : 'Export the model with one output [batch, dimension]'}`,
  )
}

/** @throws AppError MODEL_INVALID */
export function expectTextOutput(path: string, { outputs }: ModelSignature): void {
  if (outputs.length === 1 || outputs.some(({ name }) => TEXT_OUTPUTS.includes(name))) return
  throw invalid(
    path,
    `an output ${TEXT_OUTPUTS.join(' or ')}`,
    listed(outputs),
    'Export the text tower with its projected embedding, or pass --images-only.',
  )
}

/** Length of the embeddings by the descriptions of the source. */
export function dimensionIn(config: Json | undefined, openClipConfig: Json | undefined): number | undefined {
  const openClip = openClipOf(config, openClipConfig)
  const isSiglip = textAt(config, 'model_type')?.startsWith('siglip')
  return (
    numberAt(openClip, 'embed_dim') ??
    (isSiglip ? (numberAt(config, 'vision_config.hidden_size') ?? 768) : undefined) ??
    numberAt(config, 'projection_dim') ??
    numberAt(config, 'num_features') ??
    (objectAt(config, 'vision_config') ? undefined : numberAt(config, 'hidden_size'))
  )
}

function classesOf(config: Json | undefined): number | undefined {
  const labels = config?.id2label
  return numberAt(config, 'num_classes') ?? (isObject(labels) ? Object.keys(labels).length : undefined)
}

const numberOf = (size: number | string | undefined) => (typeof size === 'number' ? size : undefined)

function listed(values: readonly DeclaredValue[]): string {
  return values
    .map(({ name, shape }) => `${name} [${(shape ?? ['?']).map(size => (size === '' ? '?' : size)).join(', ')}]`)
    .join(', ')
}

function invalid(path: string, expected: string, found: string, advice: string): AppError {
  return new AppError('MODEL_INVALID', `${path}: expected ${expected}, found ${found}. ${advice}`)
}
