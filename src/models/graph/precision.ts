import { FLOAT, FLOAT16, INT8, mapModel, UINT8 } from './model-file.js'

export type Precision = 'fp32' | 'fp16' | 'int8' | 'q4'

/** 4 bits per weight, in blocks; those of bitsandbytes. */
const FOUR_BITS = ['MatMulNBits', 'MatMulBnb4']

/**
 * Returns the precision of the weights in an ONNX file, from its graph: the operator of 4 bits, else the smallest type
 * of a matrix. Scales and biases are not matrices, and a model in 8 bits may keep some matrices in 32.
 * @returns undefined for an unreadable file, or one without matrices
 */
export function precisionOf(path: string): Precision | undefined {
  let found: Precision | undefined
  try {
    mapModel(path, ({ nodes, weights }) => {
      const types = new Set([...weights.values()].filter(({ shape }) => shape.length > 1).map(({ type }) => type))
      if (nodes.some(({ op }) => FOUR_BITS.includes(op))) found = 'q4'
      else if (types.has(INT8) || types.has(UINT8)) found = 'int8'
      else if (types.has(FLOAT16)) found = 'fp16'
      else if (types.has(FLOAT)) found = 'fp32'
    })
  } catch {
    // The runtime reports what is wrong with the file.
  }
  return found
}
