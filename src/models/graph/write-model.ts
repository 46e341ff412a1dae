import type { Attribute, Input, Node, Tensor } from './model-graph.js'
import {
  ATTRIBUTE,
  DIM,
  ENTRY,
  EXTERNAL,
  INT,
  INTS,
  NODE,
  SHAPE,
  TENSOR,
  TENSOR_TYPE,
  TYPE,
  VALUE_INFO,
} from './onnx-fields.js'
import { type Bytes, bytesField, contents, integerField, readFields, textField } from './protobuf.js'

/** Weights of at least this size stay in their file; the runtime maps them from there. */
const LARGE_BYTES = 4096

export function inputParts({ name, replaced, source }: Input): Uint8Array[] {
  if (!replaced) return [source]
  const { type, sizes } = replaced
  const inside = (message: Uint8Array | undefined, number: number) => {
    const field = message && [...readFields(message)].find(field => field.number === number)
    return field && contents(message!, field)
  }
  const shape = inside(inside(inside(source, VALUE_INFO.type), TYPE.tensor), TENSOR_TYPE.shape)
  const batch = shape && inside(shape, SHAPE.dim)
  const dims = [
    ...bytesField(SHAPE.dim, batch ? [batch] : []),
    ...sizes.flatMap(size => bytesField(SHAPE.dim, [integerField(DIM.value, size)])),
  ]
  return valueParts(name, type, dims)
}

/** @param dims parts of its shape; undefined: an unknown one */
export function valueParts(name: string, type: number, dims?: readonly Uint8Array[]): Uint8Array[] {
  const shape = dims ? bytesField(TENSOR_TYPE.shape, dims) : []
  const tensor = [integerField(TENSOR_TYPE.element, type), ...shape]
  return [textField(VALUE_INFO.name, name), ...bytesField(VALUE_INFO.type, bytesField(TYPE.tensor, tensor))]
}

export function nodeParts(node: Node): Uint8Array[] {
  const { source, op, inputs, outputs } = node
  if (source?.inputs === inputs && source.outputs === outputs) return [source.bytes]
  const names = [
    ...inputs.map(name => textField(NODE.input, name)),
    ...outputs.map(name => textField(NODE.output, name)),
  ]
  if (!source)
    return [
      ...names,
      textField(NODE.op, op),
      ...[...node.attributes].flatMap(([name, value]) => bytesField(NODE.attribute, attributeParts(name, value))),
    ]
  // A copy of a node with other outputs needs another name, and none will do.
  const replaced = source.outputs === outputs ? [NODE.input, NODE.output] : [NODE.input, NODE.output, NODE.name]
  const others = [...readFields(source.bytes)].filter(({ number }) => !replaced.includes(number))
  return [...names, ...others.map(field => source.bytes.subarray(field.start, field.end))]
}

function attributeParts(name: string, { integer, integers }: Attribute): Uint8Array[] {
  const values =
    integers.length > 0
      ? integers.map(value => integerField(ATTRIBUTE.integers, value))
      : [integerField(ATTRIBUTE.integer, integer)]
  return [textField(ATTRIBUTE.name, name), ...values, integerField(ATTRIBUTE.type, integers.length > 0 ? INTS : INT)]
}

/**
 * @param location name of the file, which large weights stay in; undefined: they are copied, from wherever they are
 * @throws RangeError when values to copy are unreadable
 */
export function tensorParts(
  bytes: Bytes,
  { name, type, shape, replaced, field, raw, read }: Tensor,
  location: string | undefined,
): Uint8Array[] {
  const head = [
    ...shape.map(size => integerField(TENSOR.dim, size)),
    integerField(TENSOR.type, type),
    textField(TENSOR.name, name),
  ]
  if (replaced) return [...head, ...bytesField(TENSOR.raw, [replaced])]
  if (!field) throw new Error(`${name} has no values`)
  if (location === undefined && read) {
    const values = read()
    if (!values) throw new RangeError(`the values of ${name} cannot be read`)
    return [...head, ...bytesField(TENSOR.raw, [values])]
  }
  if (location === undefined || !raw || raw.end - raw.contents < LARGE_BYTES) return [contents(bytes, field)]
  const place = { location, offset: raw.contents, length: raw.end - raw.contents }
  return [
    ...head,
    ...Object.entries(place).flatMap(([key, value]) => bytesField(TENSOR.externalData, entryParts(key, String(value)))),
    integerField(TENSOR.dataLocation, EXTERNAL),
  ]
}

/** A StringStringEntryProto. */
export function entryParts(key: string, value: string): Uint8Array[] {
  return [textField(ENTRY.key, key), textField(ENTRY.value, value)]
}
