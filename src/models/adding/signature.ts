import { closeSync, openSync } from 'node:fs'
import { fileBytes, readEntry, readName } from '../graph/model-file.js'
import { DIM, EXTERNAL, GRAPH, MODEL, SHAPE, TENSOR, TENSOR_TYPE, TYPE, VALUE_INFO } from '../graph/onnx-fields.js'
import { type Bytes, contents, type Field, readFields } from '../graph/protobuf.js'

/** An input or output as the file declares it. */
export interface DeclaredValue {
  readonly name: string
  /** A value of TensorProto.DataType; 0: the file does not state it. */
  readonly type: number
  /** A text is a variable size; undefined: the file states no shape. */
  readonly shape?: readonly (number | string)[]
}

/** What an ONNX file declares about itself, without its weights. */
export interface ModelSignature {
  /** Without the weights, which old files list as inputs too. */
  readonly inputs: readonly DeclaredValue[]
  readonly outputs: readonly DeclaredValue[]
  /** Files beside it that hold weights, relative to its folder, as the file has them: not to be trusted. */
  readonly external: readonly string[]
}

/**
 * Reads the inputs, outputs and external files of an ONNX file, without its weights.
 * @throws RangeError, Error when the file is no ONNX model or unreadable
 */
export function readSignature(path: string): ModelSignature {
  const file = openSync(path, 'r')
  try {
    const bytes = fileBytes(file)
    const graph = [...readFields(bytes)].find(({ number }) => number === MODEL.graph)
    if (!graph) throw new RangeError('no graph')
    const fields = [...readFields(bytes, graph.contents, graph.end)]
    const weights = fields.filter(({ number }) => number === GRAPH.weight).map(field => readWeight(bytes, field))
    const names = new Set(weights.map(({ name }) => name))
    const values = (wanted: number) =>
      fields.filter(({ number }) => number === wanted).map(field => readValue(contents(bytes, field)))
    return {
      inputs: values(GRAPH.input).filter(({ name }) => !names.has(name)),
      outputs: values(GRAPH.output),
      external: [...new Set(weights.flatMap(({ location }) => (location === undefined ? [] : [location])))],
    }
  } finally {
    closeSync(file)
  }
}

function readWeight(bytes: Bytes, tensor: Field): { name: string; location?: string } {
  let name = ''
  let location: string | undefined
  let isElsewhere = false
  for (const field of readFields(bytes, tensor.contents, tensor.end)) {
    if (field.number === TENSOR.name) name = Buffer.from(contents(bytes, field)).toString()
    else if (field.number === TENSOR.dataLocation) isElsewhere = field.value === EXTERNAL
    else if (field.number === TENSOR.externalData) location = readEntry(bytes, field).location ?? location
  }
  return isElsewhere ? { name, location: location ?? '' } : { name }
}

function readValue(valueInfo: Uint8Array): DeclaredValue {
  const name = readName(valueInfo)
  const tensor = inside(inside(valueInfo, VALUE_INFO.type), TYPE.tensor)
  if (!tensor) return { name, type: 0 }
  const type = [...readFields(tensor)].find(({ number }) => number === TENSOR_TYPE.element)?.value ?? 0
  const shape = inside(tensor, TENSOR_TYPE.shape)
  if (!shape) return { name, type }
  const dims = [...readFields(shape)].filter(({ number }) => number === SHAPE.dim)
  return { name, type, shape: dims.map(dim => readDim(contents(shape, dim))) }
}

function readDim(dim: Uint8Array): number | string {
  const fields = [...readFields(dim)]
  const value = fields.find(({ number }) => number === DIM.value)?.value
  // Some exporters write a variable size as 0 or -1.
  if (value !== undefined && value > 0) return value
  const name = fields.find(({ number }) => number === DIM.name)
  return name ? Buffer.from(contents(dim, name)).toString() : ''
}

/** The message in a field of a message. */
function inside(message: Uint8Array | undefined, wanted: number): Uint8Array | undefined {
  const field = message && [...readFields(message)].find(({ number }) => number === wanted)
  return field && contents(message, field)
}
