import type { ImageInput } from '../../domain/image-input.js'
import type { Scoring } from '../../domain/model.js'

/** One file of a model, relative to the model's folder, with its size and SHA-256 in lower-case hex. */
export interface ModelFile {
  readonly path: string
  readonly bytes: number
  readonly sha256: string
  /** Its place at the source, when it differs from the model's. */
  readonly from?: { readonly repository?: string; readonly revision?: string; readonly path?: string }
}

/** Input of a text tower. */
export interface TextInput {
  /** Longest token sequence, including start and end token. */
  readonly contextLength: number
  /** Id that pads every sequence to `contextLength`. Absent: no padding. */
  readonly padId?: number
  /** `openai`: texts are cleaned as OpenAI's CLIP cleans them, in place of the normalizer of tokenizer.json. */
  readonly clean?: 'openai'
  /** Lower-cases texts first, for a tokenizer.json that does not. */
  readonly lowerCase?: boolean
  /** Removes ASCII punctuation and repeated spaces first, for a tokenizer.json that does not. */
  readonly dropPunctuation?: boolean
}

/** Input and output of the towers, the same for all precisions of a model. */
export interface ModelShape {
  readonly dimension: number
  readonly input: ImageInput
  /** Mean of the training pixels scaled to [0, 1], per channel, RGB. */
  readonly mean: readonly [number, number, number]
  readonly std: readonly [number, number, number]
  /** `first`: the embedding is the first token of an output [batch, tokens, dimension]. Absent: an output has it. */
  readonly pooling?: 'first'
  /** Absent: the model embeds only images. */
  readonly text?: TextInput
  readonly scoring: Scoring
  /** A logit is logitScale × cosine similarity + logitBias. */
  readonly logitScale: number
  readonly logitBias: number
}

/** Files of one precision, relative to the model's folder. A file with both towers is listed twice. */
export interface PrecisionFiles {
  readonly vision: string
  /** Absent for models without a text tower. */
  readonly text?: string
  /** Other files that the runtime reads: weights outside the graph. */
  readonly others?: readonly string[]
}

/** A model as data: the properties that all precisions share, and the files of each. A `model.json` contains one. */
export interface ModelEntry extends ModelShape {
  readonly name: string
  readonly title: string
  readonly license: string
  /** A limitation that every user of the model must know. */
  readonly note?: string
  /** The precision of the bare name. */
  readonly defaultPrecision: string
  readonly precisions: Readonly<Record<string, PrecisionFiles>>
}

/** Returns every file that a precision needs in its folder. */
export function filesOf(entry: ModelEntry, precision: string): string[] {
  const { vision, text, others = [] } = entry.precisions[precision]!
  const tokenizer = text === undefined ? [] : ['tokenizer_config.json', 'tokenizer.json', text]
  return [...new Set([...tokenizer, vision, ...others])]
}
