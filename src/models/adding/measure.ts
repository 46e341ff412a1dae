import { InferenceSession, Tensor } from 'onnxruntime-node'
import { AppError } from '../../domain/errors.js'
import { errorMessage } from '../../domain/text/error-text.js'
import { FLOAT16 } from '../graph/model-graph.js'
import { IMAGE_OUTPUTS, TOKEN_OUTPUTS } from '../graph/towers/outputs.js'
import type { ModelSignature } from './signature.js'

/**
 * Runs an image tower on a black picture, where neither its graph nor its description states the length of an embedding.
 * Of a file with both towers, one token goes with it.
 * @param size side of the square in pixels
 * @throws AppError MODEL_INVALID when it does not run
 */
export async function measureDimension(
  path: string,
  { inputs, outputs }: ModelSignature,
  size: number,
  pooling: 'first' | undefined,
): Promise<number> {
  const names = pooling ? TOKEN_OUTPUTS : IMAGE_OUTPUTS
  const output = names.find(name => outputs.some(one => one.name === name)) ?? outputs[0]?.name
  const feeds = Object.fromEntries(
    inputs.map(({ name, type, shape }) => {
      if (shape?.length !== 4) return [name, new Tensor('int64', [1n], [1, 1])]
      const data = type === FLOAT16 ? new Uint16Array(3 * size * size) : new Float32Array(3 * size * size)
      return [name, new Tensor(type === FLOAT16 ? 'float16' : 'float32', data as Float32Array, [1, 3, size, size])]
    }),
  )
  try {
    const session = await InferenceSession.create(path, { logSeverityLevel: 4 })
    try {
      const { dims = [] } = (await session.run(feeds, [output!]))[output!] ?? {}
      return dims[pooling ? 2 : 1] ?? 0
    } finally {
      await session.release()
    }
  } catch (cause) {
    throw new AppError(
      'MODEL_INVALID',
      `Expected ${path} to embed a picture of ${size} × ${size} pixels, found ${errorMessage(cause)}. State dimension with --fields FILE if it needs other inputs.`,
      { cause },
    )
  }
}
