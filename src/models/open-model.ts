import type { Encoder } from '../domain/ports/encoder.js'
import { type EnsureOptions, ensureModelFiles } from './files.js'
import { type EncoderOptions, openOnnxEncoder } from './onnx-encoder.js'
import { resolveModel } from './registry.js'

/**
 * From a reference to an encoder: finds the model, makes sure that its files are here, opens it.
 * @param reference `name` or `name@precision`
 * @throws AppError MODEL_*
 */
export async function openModel(reference: string, options: EnsureOptions & EncoderOptions): Promise<Encoder> {
  const spec = resolveModel(reference)
  const folder = await ensureModelFiles(spec, options)
  return openOnnxEncoder(spec, folder, options)
}
