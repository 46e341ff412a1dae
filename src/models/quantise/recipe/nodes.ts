import { type Attribute, FLOAT, INT64, type ModelGraph, type Node } from '../../graph/model-file.js'

type Attributes = Readonly<Record<string, number | readonly number[]>>

/** Returns a new node. */
export function node(
  op: string,
  inputs: readonly string[],
  outputs: string | readonly string[],
  attributes: Attributes = {},
): Node {
  const entries = Object.entries(attributes).map(([name, value]): [string, Attribute] =>
    typeof value === 'number' ? [name, { integer: value, integers: [] }] : [name, { integer: 0, integers: [...value] }],
  )
  return { op, inputs, outputs: typeof outputs === 'string' ? [outputs] : outputs, attributes: new Map(entries) }
}

/** Adds numbers to the weights of a graph. @returns their name */
export function addFloats(
  { weights }: Pick<ModelGraph, 'weights'>,
  name: string,
  values: Float32Array,
  shape: number[],
): string {
  return addBytes(
    { weights },
    name,
    FLOAT,
    new Uint8Array(values.buffer as ArrayBuffer, values.byteOffset, values.byteLength),
    shape,
  )
}

export function addIntegers({ weights }: Pick<ModelGraph, 'weights'>, name: string, values: readonly number[]): string {
  const bytes = new Uint8Array(BigInt64Array.from(values, BigInt).buffer)
  return addBytes({ weights }, name, INT64, bytes, [values.length])
}

/** @param type of TensorProto.DataType */
export function addBytes(
  { weights }: Pick<ModelGraph, 'weights'>,
  name: string,
  type: number,
  replaced: Uint8Array,
  shape: number[],
): string {
  if (weights.has(name)) throw new Error(`two weights of the name ${name}`)
  weights.set(name, { name, type, shape, replaced })
  return name
}
