import { INT8, mapModel, UINT8 } from './model-file.js'

/** Values of TensorProto.DataType. */
const FLOAT = 1
const FLOAT16 = 10

export type Precision = 'fp32' | 'fp16' | 'int8' | 'q4'

/**
 * In which precision an ONNX file holds its weights, as its graph tells: by the operator of 4 bits, else by the smallest type
 * of a matrix. Scales and biases are no matrices, and a model in 8 bits may keep some of its matrices in 32.
 * @returns undefined for a file that cannot be read, or has no matrices
 */
export function precisionOf(path: string): Precision | undefined {
  let found: Precision | undefined
  try {
    mapModel(path, ({ nodes, weights }) => {
      const types = new Set([...weights.values()].filter(({ shape }) => shape.length > 1).map(({ type }) => type))
      if (nodes.some(({ op }) => op === 'MatMulNBits')) found = 'q4'
      else if (types.has(INT8) || types.has(UINT8)) found = 'int8'
      else if (types.has(FLOAT16)) found = 'fp16'
      else if (types.has(FLOAT)) found = 'fp32'
    })
  } catch {
    // What is wrong with the file is for the runtime to say.
  }
  return found
}
