import type { ImageInput } from '../domain/image-input.js'
import type { Scoring } from '../domain/model.js'

/** What a text tower expects. */
export interface TextInput {
  /** Longest token sequence, start and end token included. */
  readonly contextLength: number
  /** Every sequence is filled up to `contextLength` with this id. Absent: it ends with the text. */
  readonly padId?: number
  /** Texts are lower-cased before they are tokenised: for a tokenizer.json that does not do it. */
  readonly lowerCase?: boolean
  /** ASCII punctuation is left out of texts and runs of spaces become one: for a tokenizer.json that does not do it. */
  readonly dropPunctuation?: boolean
}

/** What the towers expect and give; all precisions of a model share it. */
export interface ModelShape {
  readonly dimension: number
  readonly input: ImageInput
  /** Of the training pixels scaled to [0, 1], per channel, RGB. */
  readonly mean: readonly [number, number, number]
  readonly std: readonly [number, number, number]
  /** Absent: the model embeds images alone. */
  readonly text?: TextInput
  readonly scoring: Scoring
  /** A logit is logitScale × cosine similarity + logitBias. */
  readonly logitScale: number
  readonly logitBias: number
}

/** Files of one precision, relative to the model's folder. One file with both towers is named twice. */
export interface PrecisionFiles {
  readonly vision: string
  /** Absent where the model has no text tower. */
  readonly text?: string
  /** What the runtime reads beside them: weights outside of the graph. */
  readonly others?: readonly string[]
}

/** A model as data: what all its precisions share, and the files of each. A `model.json` holds one. */
export interface ModelEntry extends ModelShape {
  readonly name: string
  readonly title: string
  readonly license: string
  /** A limit that everyone who uses the model must be told. */
  readonly note?: string
  /** The one that the bare name stands for. */
  readonly defaultPrecision: string
  readonly precisions: Readonly<Record<string, PrecisionFiles>>
}

/** Every file that a precision needs: what a folder of it must hold. */
export function filesOf(entry: ModelEntry, precision: string): string[] {
  const { vision, text, others = [] } = entry.precisions[precision]!
  const tokenizer = text === undefined ? [] : ['tokenizer_config.json', 'tokenizer.json', text]
  return [...new Set([...tokenizer, vision, ...others])]
}
