import type { ImageInput } from '../image-input.js'
import type { ModelIdentity } from '../model.js'
import type { FileRewrites } from '../rewrite.js'

/** A text that is longer than the model's context. */
export interface CutText {
  text: string
  /** Of the whole text, with start and end. */
  tokens: number
  /** What the model reads. */
  contextLength: number
}

/**
 * An encoder of images and usually of texts into one space. Promises: one embedding per input, in the order of the
 * inputs, of unit length (accumulated in double precision) and `model.dimension` long. Equal inputs give equal
 * embeddings in any batch, up to rounding of the model's precision. An input without a finite embedding rejects with
 * PhotoError ENCODE_FAILED for images. Calls may overlap; the encoder runs them one after another.
 */
export interface Encoder {
  readonly model: ModelIdentity
  readonly input: ImageInput
  /** Whether it embeds texts, too. If not, `encodeTexts` rejects with AppError MODEL_WITHOUT_TEXT. */
  readonly hasTexts: boolean
  /** What was changed in the files opened so far. Absent: the encoder opens no files. */
  readonly rewrites?: readonly FileRewrites[]
  /** @param images one `Uint8Array` per image: RGB, row by row, [input.size, input.size, 3] */
  encodeImages(images: readonly Uint8Array[]): Promise<Float32Array[]>
  /** Cuts texts that exceed the model's context and keeps the end token. */
  encodeTexts(texts: readonly string[]): Promise<Float32Array[]>
  close(): Promise<void>
}
