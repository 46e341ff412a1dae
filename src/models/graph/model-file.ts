import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { basename } from 'node:path'
import { type Bytes, bytesField, type Field, integerField, readFields, readVarint, textField } from './protobuf.js'

/** Field numbers of onnx/onnx.proto. */
const MODEL = { graph: 7 }
const GRAPH = { node: 1, weight: 5, input: 11, output: 12, valueInfo: 13 }
const VALUE_INFO = { name: 1, type: 2 }
const TYPE = { tensor: 1 }
const TENSOR_TYPE = { element: 1, shape: 2 }
const SHAPE = { dim: 1 }
const DIM = { value: 1 }
const NODE = { input: 1, output: 2, op: 4, attribute: 5 }
const ATTRIBUTE = { name: 1, integer: 3, tensor: 5, integers: 8, type: 20 }
/** Values of AttributeProto.AttributeType. */
const INT = 2
const INTS = 7
const TENSOR = { dim: 1, type: 2, int64: 7, name: 8, raw: 9, externalData: 13, dataLocation: 14 }
const ENTRY = { key: 1, value: 2 }
const EXTERNAL = 1

/** Values of TensorProto.DataType. */
export const FLOAT = 1
export const UINT8 = 2
export const INT8 = 3
export const INT64 = 7

/** Weights from this size on stay in their file; the runtime maps them from there. */
const LARGE_BYTES = 4096
const READ_AHEAD_BYTES = 16 * 1024

export interface Attribute {
  integer: number
  integers: number[]
  tensor?: Tensor
}

export interface Node {
  op: string
  /** To change them, set others. */
  inputs: readonly string[]
  outputs: readonly string[]
  attributes: Map<string, Attribute>
  /** The NodeProto it was read from, and its inputs there; none: a new one. */
  source?: { bytes: Uint8Array; inputs: readonly string[] }
}

export interface Tensor {
  name: string
  type: number
  shape: number[]
  /** Reads its values as they lie in the file; undefined when they are stored in another way than as plain bytes. */
  read?: () => Uint8Array
  /** Other values, instead of those in the file. */
  replaced?: Uint8Array
  /** Where it is in the file, and where its plain bytes are. */
  field?: Field
  raw?: Field
}

export interface Input {
  name: string
  /** Another type, and other sizes behind the first, that of the batch. */
  replaced?: { type: number; sizes: readonly number[] }
  /** The ValueInfoProto it was read from. */
  source: Uint8Array
}

/** The graph of an ONNX file, without the weights. */
export interface ModelGraph {
  nodes: Node[]
  inputs: Input[]
  /** By name. */
  weights: Map<string, Tensor>
  /** Names of what the model gives. */
  outputs: readonly string[]
}

/**
 * Reads the graph of an ONNX file, lets it be changed, and gives the bytes of the model to open. Large weights stay where they
 * are: the model says at which place of which file (external data of ONNX), and the runtime maps them from there, so that 350 MB
 * are neither parsed nor copied.
 * @param change changes the graph
 * @throws RangeError, Error when the file is no ONNX model or cannot be read
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
    const graph: ModelGraph = {
      nodes: all(GRAPH.node).map(field => readNode(contents(bytes, field))),
      weights: new Map(all(GRAPH.weight).map(field => named(readTensor(bytes, field)))),
      inputs: all(GRAPH.input).map(field => {
        const source = contents(bytes, field)
        return { name: readName(source), source }
      }),
      outputs: all(GRAPH.output).map(field => readName(contents(bytes, field))),
    }
    change(graph)
    const location = basename(path)
    const written = [GRAPH.node, GRAPH.weight, GRAPH.input, GRAPH.valueInfo]
    const others = fields.filter(({ number }) => !written.includes(number))
    const parts = [
      ...graph.nodes.flatMap(node => bytesField(GRAPH.node, nodeParts(node))),
      ...[...graph.weights.values()].flatMap(tensor => bytesField(GRAPH.weight, tensorParts(bytes, tensor, location))),
      ...graph.inputs.flatMap(input => bytesField(GRAPH.input, inputParts(input))),
      // Shapes between nodes, which are optional, are left out: they may have changed.
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

/** A list of whole numbers as a weight. */
export function numbers(name: string, values: readonly number[]): Tensor {
  const replaced = new Uint8Array(BigInt64Array.from(values, value => BigInt(value)).buffer)
  return { name, type: INT64, shape: [values.length], replaced }
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
    // Those of most nodes are never asked for.
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
    else if (field.number === ATTRIBUTE.tensor) attribute.tensor = readTensor(bytes, field)
  }
  return [name, attribute]
}

function readTensor(bytes: Bytes, tensor: Field): Tensor {
  const found: Tensor = { name: '', type: 0, shape: [], field: tensor }
  for (const field of readFields(bytes, tensor.contents, tensor.end)) {
    if (field.number === TENSOR.dim) found.shape.push(...repeated(bytes, field))
    else if (field.number === TENSOR.type) found.type = field.value
    else if (field.number === TENSOR.name) found.name = text(bytes, field)
    else if (field.number === TENSOR.raw) {
      found.raw = field
      found.read = () => contents(bytes, field)
    } else if (field.number === TENSOR.int64 && tensor.end - tensor.start < LARGE_BYTES) {
      const values = repeated(bytes, field).map(value => BigInt(value))
      found.read = () => new Uint8Array(BigInt64Array.from(values).buffer)
    }
  }
  return found
}

/** The numbers of a repeated field: one, or several in a packed one. */
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
