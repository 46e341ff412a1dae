import { INT8, type ModelGraph, type Node, UINT8 } from './model-file.js'

/** Weights of 7 bits, 0 to 127, become -64 to 63. */
const MOST = 127
const SHIFT = 64
/** Inputs of MatMulInteger: activation, weight, zero point of the activation, zero point of the weight. */
const WEIGHT = 1
const WEIGHT_ZERO = 3

/**
 * Stores the unsigned 7-bit weights of integer matrix products as signed ones: weight and zero point move by the same 64, so
 * (activation - its zero point) × (weight - its zero point) stays the same number. The CPU's instructions multiply unsigned by
 * signed bytes; ONNX Runtime computes unsigned by unsigned ones at half the speed (docs/benchmarks.md).
 *
 * transformers.js's converter writes such weights for every model with a convolution, so for all CLIP image towers
 * (`weight_type`, `reduce_range` in its scripts/convert.py). Convolutions keep theirs: signed ones are six times slower there.
 * Weights of 8 bits stay, too: pairs of products of signed ones overflow 16 bits on CPUs without VNNI.
 * @returns whether any was changed
 */
export function useSignedWeights({ nodes, weights }: ModelGraph): boolean {
  const users = new Map<string, Node[]>()
  for (const node of nodes) for (const name of node.inputs) users.set(name, [...(users.get(name) ?? []), node])

  let isChanged = false
  for (const node of nodes.filter(({ op }) => op === 'MatMulInteger')) {
    const names = [node.inputs[WEIGHT] ?? '', node.inputs[WEIGHT_ZERO] ?? '']
    const pair = names.map(name => weights.get(name))
    // Weights that others use as well would have to move for them, too.
    if (pair.some(tensor => tensor?.type !== UINT8) || names.some(name => users.get(name)!.length > 1)) continue
    const values = pair.map(tensor => tensor!.read?.())
    if (!values.every(bytes => bytes !== undefined && isSevenBits(bytes))) continue
    for (const [index, tensor] of pair.entries())
      Object.assign(tensor!, { type: INT8, replaced: shift(values[index]!) })
    isChanged = true
  }
  return isChanged
}

// Loops: with a callback for each value, 85 MB take a second.
function isSevenBits(values: Uint8Array): boolean {
  for (let index = 0; index < values.length; index++) if (values[index]! > MOST) return false
  return true
}

function shift(values: Uint8Array): Uint8Array {
  const shifted = new Uint8Array(values.length)
  for (let index = 0; index < values.length; index++) shifted[index] = values[index]! - SHIFT
  return shifted
}
