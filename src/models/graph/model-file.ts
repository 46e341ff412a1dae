import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { type ExternalPlace, readExternal } from './external-data.js'
import {
  type Attribute,
  FLOAT,
  INT8,
  INT64,
  type Input,
  type ModelGraph,
  type Node,
  type Tensor,
  UINT8,
} from './model-graph.js'
import { ATTRIBUTE, ENTRY, EXTERNAL, GRAPH, MODEL, NODE, OPSET, TENSOR, VALUE_INFO, VALUES } from './onnx-fields.js'
import { type Bytes, bytesField, contents, type Field, readFields, readVarint, unpackVarints } from './protobuf.js'
import { entryParts, inputParts, nodeParts, tensorParts, valueParts } from './write-model.js'

export {
  type Attribute,
  FLOAT,
  FLOAT16,
  INT8,
  INT64,
  type Input,
  type ModelGraph,
  type Node,
  type Tensor,
  UINT8,
} from './model-graph.js'

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

const READ_AHEAD_BYTES = 16 * 1024

/**
 * Reads the graph of an ONNX file, applies a change, and returns the bytes of the model to open. Large weights stay in
 * their file: the model refers to their place (external data of ONNX), and the runtime maps them from there, so 350 MB
 * are neither parsed nor copied.
 * @param change changes the graph
 * @throws RangeError, Error when the file is no ONNX model or unreadable
 */
export function mapModel(path: string, change: (graph: ModelGraph) => void): Uint8Array {
  return Buffer.concat(changedModel(path, change, basename(path), {}))
}

/**
 * Like {@link mapModel}, but returns a model that needs no other file, as parts to write one after another.
 * @param notes are added to the properties of the model
 */
export function copyModel(
  path: string,
  change: (graph: ModelGraph) => void,
  notes: Readonly<Record<string, string>>,
): Uint8Array[] {
  return changedModel(path, change, undefined, notes)
}

/** @param location where large weights stay; undefined: they are copied */
function changedModel(
  path: string,
  change: (graph: ModelGraph) => void,
  location: string | undefined,
  notes: Readonly<Record<string, string>>,
): Uint8Array[] {
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
    const namedValue = (field: Field) => {
      const source = contents(bytes, field)
      return { name: readName(source), source }
    }
    const outputs = all(GRAPH.output).map(namedValue)
    const graph: ModelGraph = {
      nodes,
      watched: [],
      opset: opsetOf(bytes, top),
      weights: new Map(all(GRAPH.weight).map(field => named(readTensor(bytes, field, dirname(path))))),
      inputs: all(GRAPH.input).map(namedValue),
      outputs,
      readElsewhere: new Set([...outputs.map(({ name }) => name), ...nested]),
    }
    change(graph)
    const written = [GRAPH.node, GRAPH.weight, GRAPH.input, GRAPH.output, GRAPH.valueInfo]
    const others = fields.filter(({ number }) => !written.includes(number))
    const parts = [
      ...graph.nodes.flatMap(node => bytesField(GRAPH.node, nodeParts(node))),
      ...[...graph.weights.values()].flatMap(tensor => bytesField(GRAPH.weight, tensorParts(bytes, tensor, location))),
      ...graph.inputs.flatMap(input => bytesField(GRAPH.input, inputParts(input))),
      ...graph.outputs.flatMap(({ source }) => bytesField(GRAPH.output, [source])),
      ...graph.watched.flatMap(name => bytesField(GRAPH.output, valueParts(name, FLOAT))),
      // Drops the optional shapes between nodes: the change may have invalidated them.
      ...others.map(field => bytes.slice(field.start, field.end)),
    ]
    return [
      ...top.flatMap(field =>
        field === graphField ? bytesField(MODEL.graph, parts) : [bytes.slice(field.start, field.end)],
      ),
      ...Object.entries(notes).flatMap(entry => bytesField(MODEL.metadata, entryParts(...entry))),
    ]
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
  return { name, source: Buffer.concat(valueParts(name, type, [])) }
}

/** @param top fields of the model */
function opsetOf(bytes: Bytes, top: readonly Field[]): number {
  for (const entry of top.filter(({ number }) => number === MODEL.opset)) {
    const fields = [...readFields(bytes, entry.contents, entry.end)]
    const domain = fields.find(({ number }) => number === OPSET.domain)
    if (!domain || domain.contents === domain.end)
      return fields.find(({ number }) => number === OPSET.version)?.value ?? 0
  }
  return 0
}

/** Reads ahead, because headers are read field by field. */
export function fileBytes(file: number): Bytes {
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
    source: { bytes, inputs, outputs },
  }
}

export function readName(valueInfo: Uint8Array): string {
  const name = [...readFields(valueInfo)].find(({ number }) => number === VALUE_INFO.name)
  return name ? text(valueInfo, name) : ''
}

function readAttribute(bytes: Bytes, { contents: start, end }: Field): [name: string, attribute: Attribute] {
  let name = ''
  const attribute: Attribute = { integer: 0, integers: [] }
  for (const field of readFields(bytes, start, end)) {
    if (field.number === ATTRIBUTE.name) name = text(bytes, field)
    else if (field.number === ATTRIBUTE.float) attribute.float = floatOf(contents(bytes, field))
    else if (field.number === ATTRIBUTE.integer) attribute.integer = field.value
    else if (field.number === ATTRIBUTE.integers) attribute.integers.push(...repeated(bytes, field))
    else if (field.number === ATTRIBUTE.text) attribute.text = text(bytes, field)
    else if (field.number === ATTRIBUTE.tensor) attribute.tensor = readTensor(bytes, field)
    else if (field.number === ATTRIBUTE.graph || field.number === ATTRIBUTE.graphs)
      attribute.reads = [...(attribute.reads ?? []), ...namesRead(contents(bytes, field))]
  }
  return [name, attribute]
}

const floatOf = ({ buffer, byteOffset }: Uint8Array) => new DataView(buffer, byteOffset).getFloat32(0, true)

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
export function readEntry(bytes: Bytes, entry: Field): ExternalPlace {
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
