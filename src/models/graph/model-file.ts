import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { type ExternalPlace, readExternal } from './external-data.js'
import {
  type Bytes,
  bytesField,
  type Field,
  integerField,
  readFields,
  readVarint,
  textField,
  unpackVarints,
} from './protobuf.js'

/** Field numbers of onnx/onnx.proto. */
const MODEL = { graph: 7 }
const GRAPH = { node: 1, weight: 5, input: 11, output: 12, valueInfo: 13 }
const VALUE_INFO = { name: 1, type: 2 }
const TYPE = { tensor: 1 }
const TENSOR_TYPE = { element: 1, shape: 2 }
const SHAPE = { dim: 1 }
const DIM = { value: 1 }
const NODE = { input: 1, output: 2, op: 4, attribute: 5 }
const ATTRIBUTE = { name: 1, integer: 3, text: 4, tensor: 5, graph: 6, integers: 8, graphs: 11, type: 20 }
/** Values of AttributeProto.AttributeType. */
const INT = 2
const INTS = 7
const TENSOR = { dim: 1, type: 2, name: 8, raw: 9, externalData: 13, dataLocation: 14 }
/** Fields of TensorProto that store values as numbers. */
const VALUES = { float: 4, int32: 5, int64: 7, double: 10, uint64: 11 }
const ENTRY = { key: 1, value: 2 }
const EXTERNAL = 1

/** Values of TensorProto.DataType. */
export const FLOAT = 1
export const UINT8 = 2
export const INT8 = 3
export const INT64 = 7
export const FLOAT16 = 10

/**
 * Per value of TensorProto.DataType: bytes per value, and the field for values stored as numbers (onnx/onnx.proto,
 * TensorProto). Absent: types whose values no rewrite reads.
 */
const STORED: Readonly<Record<number, { size: 1 | 2 | 4 | 8; field: number }>> = {
  [FLOAT]: { size: 4, field: VALUES.float },
  [UINT8]: { size: 1, field: VALUES.int32 },
  [INT8]: { size: 1, field: VALUES.int32 },
  /* uint16 */ 4: { size: 2, field: VALUES.int32 },
  /* int16 */ 5: { size: 2, field: VALUES.int32 },
  /* int32 */ 6: { size: 4, field: VALUES.int32 },
  [INT64]: { size: 8, field: VALUES.int64 },
  /* bool */ 9: { size: 1, field: VALUES.int32 },
  /* float16, as bits */ 10: { size: 2, field: VALUES.int32 },
  /* double */ 11: { size: 8, field: VALUES.double },
  /* uint32 */ 12: { size: 4, field: VALUES.uint64 },
  /* uint64 */ 13: { size: 8, field: VALUES.uint64 },
  /* bfloat16, as bits */ 16: { size: 2, field: VALUES.int32 },
}

/** Weights of at least this size stay in their file; the runtime maps them from there. */
const LARGE_BYTES = 4096
const READ_AHEAD_BYTES = 16 * 1024

export interface Attribute {
  integer: number
  integers: number[]
  text?: string
  tensor?: Tensor
  /** Names that the nested graphs of a branch or loop read, including their own. */
  reads?: readonly string[]
}

export interface Node {
  op: string
  /** Replace the array to change them. */
  inputs: readonly string[]
  outputs: readonly string[]
  attributes: Map<string, Attribute>
  /** The original NodeProto and its inputs. Absent: a new node. */
  source?: { bytes: Uint8Array; inputs: readonly string[] }
}

export interface Tensor {
  name: string
  type: number
  shape: number[]
  /**
   * Reads its values as plain bytes, little-endian, from any field of the file or from the file beside it that holds
   * them. Returns undefined when their number does not fit the shape, or when that file is not in the folder.
   */
  read?: () => Uint8Array | undefined
  /** Values that replace those in the file. */
  replaced?: Uint8Array
  /** Its place in the file, and that of its plain bytes. */
  field?: Field
  raw?: Field
}

export interface Input {
  name: string
  /** Replacement of the type, and of all sizes except the first, the batch. */
  replaced?: { type: number; sizes: readonly number[] }
  /** The original ValueInfoProto, or that of a new input. */
  source: Uint8Array
}

/** The graph of an ONNX file, without the weights. */
export interface ModelGraph {
  nodes: Node[]
  inputs: Input[]
  /** By name. */
  weights: Map<string, Tensor>
  /** Names that are read outside the inputs of `nodes`: outputs of the model, and inputs of nested graphs. */
  readElsewhere: ReadonlySet<string>
}

/**
 * Reads the graph of an ONNX file, applies a change, and returns the bytes of the model to open. Large weights stay in
 * their file: the model refers to their place (external data of ONNX), and the runtime maps them from there, so 350 MB
 * are neither parsed nor copied.
 * @param change changes the graph
 * @throws RangeError, Error when the file is no ONNX model or unreadable
 */
export function mapModel(path: string, change: (graph: ModelGraph) => void): Uint8Array {
  const file = openSync(path, 'r')
  try {
    const bytes = fileBytes(file)
    const top = [...readFields(bytes)]
    const graphField = top.find(field => field.number === MODEL.graph)
    if (!graphField) throw new RangeError('no graph')
    const fields = [...readFields(bytes, graphField.contents, graphField.end)]
    const all = (wanted: number) => fields.filter(({ number }) => number === wanted)
    const nodes = all(GRAPH.node).map(field => readNode(contents(bytes, field)))
    const nested = nodes.flatMap(({ attributes }) => [...attributes.values()].flatMap(({ reads = [] }) => reads))
    const graph: ModelGraph = {
      nodes,
      weights: new Map(all(GRAPH.weight).map(field => named(readTensor(bytes, field, dirname(path))))),
      inputs: all(GRAPH.input).map(field => {
        const source = contents(bytes, field)
        return { name: readName(source), source }
      }),
      readElsewhere: new Set([...all(GRAPH.output).map(field => readName(contents(bytes, field))), ...nested]),
    }
    change(graph)
    const location = basename(path)
    const written = [GRAPH.node, GRAPH.weight, GRAPH.input, GRAPH.valueInfo]
    const others = fields.filter(({ number }) => !written.includes(number))
    const parts = [
      ...graph.nodes.flatMap(node => bytesField(GRAPH.node, nodeParts(node))),
      ...[...graph.weights.values()].flatMap(tensor => bytesField(GRAPH.weight, tensorParts(bytes, tensor, location))),
      ...graph.inputs.flatMap(input => bytesField(GRAPH.input, inputParts(input))),
      // Drops the optional shapes between nodes: the change may have invalidated them.
      ...others.map(field => bytes.slice(field.start, field.end)),
    ]
    return Buffer.concat(
      top.flatMap(field =>
        field === graphField ? bytesField(MODEL.graph, parts) : [bytes.slice(field.start, field.end)],
      ),
    )
  } finally {
    closeSync(file)
  }
}

const named = (tensor: Tensor) => [tensor.name, tensor] as const

/** Returns a list of integers as a weight. */
export function numbers(name: string, values: readonly number[]): Tensor {
  const replaced = new Uint8Array(BigInt64Array.from(values, value => BigInt(value)).buffer)
  return { name, type: INT64, shape: [values.length], replaced }
}

/** Returns a new input of one value. */
export function scalarInput(name: string, type: number): Input {
  const tensor = [integerField(TENSOR_TYPE.element, type), ...bytesField(TENSOR_TYPE.shape, [])]
  const parts = [textField(VALUE_INFO.name, name), ...bytesField(VALUE_INFO.type, bytesField(TYPE.tensor, tensor))]
  return { name, source: Buffer.concat(parts) }
}

/** Reads ahead, because headers are read field by field. */
function fileBytes(file: number): Bytes {
  let ahead: { start: number; bytes: Buffer } = { start: 0, bytes: Buffer.alloc(0) }
  const { size: length } = fstatSync(file)
  return {
    length,
    slice(start, end) {
      const from = start - ahead.start
      if (from >= 0 && end - ahead.start <= ahead.bytes.length) return ahead.bytes.subarray(from, end - ahead.start)
      if (end - start > READ_AHEAD_BYTES) return readExactly(file, start, end)
      ahead = { start, bytes: readExactly(file, start, Math.min(length, start + READ_AHEAD_BYTES)) }
      return ahead.bytes.subarray(0, end - start)
    },
  }
}

function readExactly(file: number, start: number, end: number): Buffer {
  const buffer = Buffer.allocUnsafe(end - start)
  for (let length = 0; length < buffer.length; ) {
    const read = readSync(file, buffer, length, buffer.length - length, start + length)
    if (read === 0) throw new RangeError('a file that is cut off')
    length += read
  }
  return buffer
}

function contents(bytes: Bytes, field: Field): Uint8Array {
  return bytes.slice(field.contents, field.end)
}

const text = (bytes: Bytes, field: Field) => Buffer.from(contents(bytes, field)).toString()

function readNode(bytes: Uint8Array): Node {
  const inputs: string[] = []
  const outputs: string[] = []
  const attributes: Field[] = []
  let op = ''
  for (const field of readFields(bytes)) {
    if (field.number === NODE.input) inputs.push(text(bytes, field))
    else if (field.number === NODE.output) outputs.push(text(bytes, field))
    else if (field.number === NODE.op) op = text(bytes, field)
    else if (field.number === NODE.attribute) attributes.push(field)
  }
  let read: Map<string, Attribute> | undefined
  return {
    op,
    inputs,
    outputs,
    get attributes() {
      read ??= new Map(attributes.map(field => readAttribute(bytes, field)))
      return read
    },
    source: { bytes, inputs },
  }
}

function readName(valueInfo: Uint8Array): string {
  const name = [...readFields(valueInfo)].find(({ number }) => number === VALUE_INFO.name)
  return name ? text(valueInfo, name) : ''
}

function inputParts({ name, replaced, source }: Input): Uint8Array[] {
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
  const tensor = [integerField(TENSOR_TYPE.element, type), ...bytesField(TENSOR_TYPE.shape, dims)]
  return [textField(VALUE_INFO.name, name), ...bytesField(VALUE_INFO.type, bytesField(TYPE.tensor, tensor))]
}

function readAttribute(bytes: Bytes, { contents: start, end }: Field): [name: string, attribute: Attribute] {
  let name = ''
  const attribute: Attribute = { integer: 0, integers: [] }
  for (const field of readFields(bytes, start, end)) {
    if (field.number === ATTRIBUTE.name) name = text(bytes, field)
    else if (field.number === ATTRIBUTE.integer) attribute.integer = field.value
    else if (field.number === ATTRIBUTE.integers) attribute.integers.push(...repeated(bytes, field))
    else if (field.number === ATTRIBUTE.text) attribute.text = text(bytes, field)
    else if (field.number === ATTRIBUTE.tensor) attribute.tensor = readTensor(bytes, field)
    else if (field.number === ATTRIBUTE.graph || field.number === ATTRIBUTE.graphs)
      attribute.reads = [...(attribute.reads ?? []), ...namesRead(contents(bytes, field))]
  }
  return [name, attribute]
}

/** Returns the names that a graph reads, in its nodes or as its outputs. */
function namesRead(graph: Uint8Array): string[] {
  return [...readFields(graph)].flatMap(field => {
    if (field.number === GRAPH.output) return [readName(contents(graph, field))]
    if (field.number !== GRAPH.node) return []
    const { inputs, attributes } = readNode(contents(graph, field))
    return [...inputs, ...[...attributes.values()].flatMap(({ reads = [] }) => reads)]
  })
}

/** @param folder of the model file; absent: values in other files are not read */
function readTensor(bytes: Bytes, tensor: Field, folder?: string): Tensor {
  const found: Tensor = { name: '', type: 0, shape: [], field: tensor }
  const others: Field[] = []
  const place: ExternalPlace = {}
  let isElsewhere = false
  for (const field of readFields(bytes, tensor.contents, tensor.end)) {
    if (field.number === TENSOR.dim) found.shape.push(...repeated(bytes, field))
    else if (field.number === TENSOR.type) found.type = field.value
    else if (field.number === TENSOR.name) found.name = text(bytes, field)
    else if (field.number === TENSOR.raw) found.raw = field
    else if (field.number === TENSOR.dataLocation) isElsewhere = field.value === EXTERNAL
    else if (field.number === TENSOR.externalData) Object.assign(place, readEntry(bytes, field))
    else others.push(field)
  }
  const { raw, type, shape } = found
  const stored = STORED[type]
  if (!stored) return found
  const count = shape.reduce((product, size) => product * size, 1)
  if (isElsewhere) {
    if (folder !== undefined) found.read = () => readExternal(folder, place, count * stored.size)
    return found
  }
  const typed = others.filter(({ number }) => number === stored.field)
  found.read = () => {
    if (!raw) return typedBytes(bytes, typed, stored.size, count)
    return raw.end - raw.contents === count * stored.size ? contents(bytes, raw) : undefined
  }
  return found
}

/** Returns one pair of a StringStringEntryProto. */
function readEntry(bytes: Bytes, entry: Field): ExternalPlace {
  const fields = [...readFields(bytes, entry.contents, entry.end)]
  const of = (number: number) => fields.filter(field => field.number === number).map(field => text(bytes, field))[0]
  return { [of(ENTRY.key) ?? '']: of(ENTRY.value) ?? '' }
}

/**
 * Returns the plain bytes of values that are stored as numbers: plain in `float_data` and `double_data`, as varints in
 * the other fields. A field contains one value or several packed ones; from its contents on both look the same.
 * @returns undefined unless there are `count` values
 */
function typedBytes(bytes: Bytes, fields: readonly Field[], size: number, count: number): Uint8Array | undefined {
  const plain = new Uint8Array(count * size)
  let end = 0
  for (const field of fields) {
    const values = contents(bytes, field)
    if (field.number !== VALUES.float && field.number !== VALUES.double) end = unpackVarints(values, plain, end, size)
    else if (end + values.length <= plain.length) {
      plain.set(values, end)
      end += values.length
    } else return undefined
  }
  return end === plain.length ? plain : undefined
}

/** Returns the numbers of a repeated field: one, or several in a packed field. */
function repeated(bytes: Bytes, field: Field): number[] {
  if (field.wireType === 0) return [field.value]
  const packed = contents(bytes, field)
  const values: number[] = []
  for (let at = 0; at < packed.length; ) {
    const { value, next } = readVarint(packed, at)
    values.push(value)
    at = next
  }
  return values
}

function nodeParts(node: Node): Uint8Array[] {
  const { source, op, inputs, outputs } = node
  if (source?.inputs === inputs) return [source.bytes]
  const names = inputs.map(name => textField(NODE.input, name))
  if (!source)
    return [
      ...names,
      ...outputs.map(name => textField(NODE.output, name)),
      textField(NODE.op, op),
      ...[...node.attributes].flatMap(([name, value]) => bytesField(NODE.attribute, attributeParts(name, value))),
    ]
  const others = [...readFields(source.bytes)].filter(({ number }) => number !== NODE.input)
  return [...names, ...others.map(field => source.bytes.subarray(field.start, field.end))]
}

function attributeParts(name: string, { integer, integers }: Attribute): Uint8Array[] {
  const values =
    integers.length > 0
      ? integers.map(value => integerField(ATTRIBUTE.integers, value))
      : [integerField(ATTRIBUTE.integer, integer)]
  return [textField(ATTRIBUTE.name, name), ...values, integerField(ATTRIBUTE.type, integers.length > 0 ? INTS : INT)]
}

function tensorParts(
  bytes: Bytes,
  { name, type, shape, replaced, field, raw }: Tensor,
  location: string,
): Uint8Array[] {
  const head = [
    ...shape.map(size => integerField(TENSOR.dim, size)),
    integerField(TENSOR.type, type),
    textField(TENSOR.name, name),
  ]
  if (replaced) return [...head, ...bytesField(TENSOR.raw, [replaced])]
  if (!field) throw new Error(`${name} has no values`)
  if (!raw || raw.end - raw.contents < LARGE_BYTES) return [contents(bytes, field)]
  const place = { location, offset: raw.contents, length: raw.end - raw.contents }
  return [
    ...head,
    ...Object.entries(place).flatMap(([key, value]) =>
      bytesField(TENSOR.externalData, [textField(ENTRY.key, key), textField(ENTRY.value, String(value))]),
    ),
    integerField(TENSOR.dataLocation, EXTERNAL),
  ]
}
