import type { ImageInput } from '../image-input.js'
import type { ModelIdentity } from '../model.js'

/**
 * An encoder of images and, mostly, of texts into the same space. Promises: one embedding an input, in the order of the inputs, of unit length (accumulated in double
 * precision), `model.dimension` long; equal inputs give equal embeddings whatever they are batched with, up to rounding
 * of the model's precision. An input for which the model gives no finite embedding rejects with PhotoError ENCODE_FAILED
 * for images. Calls may overlap; the encoder runs them one after the other.
 */
export interface Encoder {
  readonly model: ModelIdentity
  readonly input: ImageInput
  /** Whether it embeds texts too. Where it does not, `encodeTexts` rejects with AppError MODEL_WITHOUT_TEXT. */
  readonly hasTexts: boolean
  /** @param images one `Uint8Array` an image: RGB, row by row, [input.size, input.size, 3] */
  encodeImages(images: readonly Uint8Array[]): Promise<Float32Array[]>
  /** Texts longer than the model's context are cut, the end token kept. */
  encodeTexts(texts: readonly string[]): Promise<Float32Array[]>
  close(): Promise<void>
}
