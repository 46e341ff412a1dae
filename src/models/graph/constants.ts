import { INT64, type ModelGraph, type Tensor } from './model-file.js'

/** Returns all constants of a graph by name: weights, results of Constant nodes, and copies of them. */
export function constantsOf({ nodes, weights }: Pick<ModelGraph, 'nodes' | 'weights'>): Map<string, Tensor> {
  const constants = new Map(weights)
  for (const { op, inputs, outputs, attributes } of nodes) {
    const value =
      op === 'Constant'
        ? attributes.get('value')?.tensor
        : op === 'Identity'
          ? constants.get(inputs[0] ?? '')
          : undefined
    if (value) constants.set(outputs[0]!, value)
  }
  return constants
}

/** Returns whether a tensor is the index 0. */
export function isZero(tensor: Tensor | undefined): boolean {
  const bytes = tensor?.type === INT64 ? tensor.read?.() : undefined
  return bytes?.length === BigInt64Array.BYTES_PER_ELEMENT && bytes.every(byte => byte === 0)
}
