/**
 * Writes miniature ONNX models, so that tests of the encoder need no weights. An ONNX file is a `ModelProto` in protocol
 * buffers; the field numbers are those of onnx/onnx.proto.
 */

import { varint } from '../../../src/models/graph/protobuf.js'

export const FLOAT = 1
export const UINT8 = 2
export const INT8 = 3
export const INT32 = 6
export const INT64 = 7
export const FLOAT16 = 10
export const DOUBLE = 11
export const UINT32 = 12
export const UINT64 = 13
export const BFLOAT16 = 16

interface ValueInfo {
  name: string
  /** FLOAT, FLOAT16, INT32 or INT64. */
  type: number
  /** A text is a symbolic size. */
  shape: readonly (number | string)[]
}

export interface Node {
  op: string
  /** Of operators that are not ONNX's own. */
  domain?: 'com.microsoft'
  inputs: readonly string[]
  outputs: readonly string[]
  /** Whole numbers, or lists of them. */
  attributes?: Readonly<Record<string, number | readonly number[]>>
}

export interface Constant {
  name: string
  type: keyof typeof RAW
  shape: readonly number[]
  values: readonly number[]
  /** As plain bytes (the default), or as numbers in the field of the type, packed or one by one. */
  stored?: 'raw' | 'packed' | 'unpacked'
}

export interface Graph {
  inputs: readonly ValueInfo[]
  outputs: readonly ValueInfo[]
  nodes: readonly Node[]
  constants?: readonly Constant[]
}

/** @returns the bytes of a model file, opset 13 */
export function onnxModel({ inputs, outputs, nodes, constants = [] }: Graph): Buffer {
  const graph = Buffer.concat([
    ...nodes.map(node => message(1, nodeProto(node))),
    text(2, 'tiny'),
    ...constants.map(constant => message(5, tensorProto(constant))),
    ...inputs.map(input => message(11, valueInfoProto(input))),
    ...outputs.map(output => message(12, valueInfoProto(output))),
  ])
  const opset = (domain: string, version: number) => message(8, Buffer.concat([text(1, domain), integer(2, version)]))
  return Buffer.concat([integer(1, 8), message(7, graph), opset('', 13), opset('com.microsoft', 1)])
}

function nodeProto({ op, domain, inputs, outputs, attributes = {} }: Node): Buffer {
  return Buffer.concat([
    ...inputs.map(name => text(1, name)),
    ...outputs.map(name => text(2, name)),
    text(4, op),
    ...(domain ? [text(7, domain)] : []),
    ...Object.entries(attributes).map(([name, value]) => message(5, attributeProto(name, value))),
  ])
}

function attributeProto(name: string, value: number | readonly number[]): Buffer {
  if (typeof value === 'number') return Buffer.concat([text(1, name), integer(3, value), integer(20, 2)])
  return Buffer.concat([text(1, name), ...value.map(item => integer(8, item)), integer(20, 7)])
}

/** The bytes of a constant's values. Half precision is given as bits. */
export const RAW = {
  [FLOAT]: (values: readonly number[]) => Float32Array.from(values).buffer,
  [FLOAT16]: (values: readonly number[]) => Uint16Array.from(values).buffer,
  [BFLOAT16]: (values: readonly number[]) => Uint16Array.from(values).buffer,
  [DOUBLE]: (values: readonly number[]) => Float64Array.from(values).buffer,
  [UINT8]: (values: readonly number[]) => Uint8Array.from(values).buffer,
  [INT8]: (values: readonly number[]) => Int8Array.from(values).buffer,
  [INT32]: (values: readonly number[]) => Int32Array.from(values).buffer,
  [UINT32]: (values: readonly number[]) => Uint32Array.from(values).buffer,
  [INT64]: (values: readonly number[]) => BigInt64Array.from(values, value => BigInt(value)).buffer,
  [UINT64]: (values: readonly number[]) => BigUint64Array.from(values, value => BigInt(value)).buffer,
}

/** The field that holds a constant's values as numbers; `int32_data` is that of all other types. */
const TYPED: Readonly<Record<number, number>> = { [FLOAT]: 4, [INT64]: 7, [DOUBLE]: 10, [UINT32]: 11, [UINT64]: 11 }
const INT32_DATA = 5

function tensorProto({ name, type, shape, values, stored = 'raw' }: Constant): Buffer {
  return Buffer.concat([
    ...shape.map(size => integer(1, size)),
    integer(2, type),
    text(8, name),
    ...(stored === 'raw' ? [message(9, Buffer.from(RAW[type](values)))] : typedFields(type, values, stored)),
  ])
}

function typedFields(type: keyof typeof RAW, values: readonly number[], stored: 'packed' | 'unpacked'): Buffer[] {
  const field = TYPED[type] ?? INT32_DATA
  const wireType = type === FLOAT ? 5 : type === DOUBLE ? 1 : 0
  const numbers = values.map(value => (wireType === 0 ? varint(value) : Buffer.from(RAW[type]([value]))))
  if (stored === 'packed') return [message(field, Buffer.concat(numbers))]
  return numbers.map(number => Buffer.concat([varint((field << 3) | wireType), number]))
}

function valueInfoProto({ name, type, shape }: ValueInfo): Buffer {
  const sizes = shape.map(size => message(1, typeof size === 'number' ? integer(1, size) : text(2, size)))
  const tensorType = Buffer.concat([integer(1, type), message(2, Buffer.concat(sizes))])
  return Buffer.concat([text(1, name), message(2, message(1, tensorType))])
}

/** Wire type 0. */
function integer(field: number, value: number): Buffer {
  return Buffer.concat([varint(field << 3), varint(value)])
}

/** Wire type 2. */
function message(field: number, bytes: Buffer): Buffer {
  return Buffer.concat([varint((field << 3) | 2), varint(bytes.length), bytes])
}

function text(field: number, value: string): Buffer {
  return message(field, Buffer.from(value))
}
