import { isZero } from './constants.js'
import { INT64, type Node, type Tensor } from './model-file.js'

/** [batch, tokens, width] */
const TOKENS_AXIS = 1

/**
 * Returns whether a node takes the first token of [batch, tokens, width]: as a Gather of the position 0, or as a Slice
 * from 0 to 1.
 */
export function picksFirstToken(node: Node, constants: ReadonlyMap<string, Tensor>): boolean {
  const value = (index: number) => constants.get(node.inputs[index] ?? '')
  if (node.op === 'Gather') {
    const place = value(1)
    return node.attributes.get('axis')?.integer === TOKENS_AXIS && (place?.shape.length ?? 2) <= 1 && isZero(place)
  }
  if (node.op !== 'Slice') return false
  const [, start, end, axis, step] = node.inputs
  return (
    isZero(constants.get(start ?? '')) &&
    isOne(constants.get(end ?? '')) &&
    isOne(constants.get(axis ?? '')) &&
    (step === undefined || step === '' || isOne(constants.get(step)))
  )
}

function isOne(tensor: Tensor | undefined): boolean {
  const bytes = tensor?.type === INT64 ? tensor.read?.() : undefined
  return bytes?.length === BigInt64Array.BYTES_PER_ELEMENT && bytes.every((byte, at) => byte === (at === 0 ? 1 : 0))
}
