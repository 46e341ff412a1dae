import type { Field } from './protobuf.js'

/** Values of TensorProto.DataType. */
export const FLOAT = 1
export const UINT8 = 2
export const INT8 = 3
export const INT64 = 7
export const FLOAT16 = 10

/** Begins the names of {@link ModelGraph.watched}. */
export const WATCHED = 'unsplash-clip:watched'

export interface Attribute {
  integer: number
  float?: number
  integers: number[]
  text?: string
  tensor?: Tensor
  /** Names that the nested graphs of a branch or loop read, including their own. */
  reads?: readonly string[]
}

export interface Node {
  op: string
  /** Replace the array to change them, likewise the outputs. */
  inputs: readonly string[]
  outputs: readonly string[]
  attributes: Map<string, Attribute>
  /** The original NodeProto with its inputs and outputs. Absent: a new node. */
  source?: { bytes: Uint8Array; inputs: readonly string[]; outputs: readonly string[] }
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

/** An output of the model. */
export interface Output {
  readonly name: string
  /** The original ValueInfoProto. */
  readonly source: Uint8Array
}

/** The graph of an ONNX file, without the weights. */
export interface ModelGraph {
  nodes: Node[]
  inputs: Input[]
  outputs: readonly Output[]
  /** Names of further outputs of the model, all of floats. They begin with {@link WATCHED}. */
  watched: string[]
  /** Version of ONNX's own operators. */
  readonly opset: number
  /** By name. */
  weights: Map<string, Tensor>
  /** Names that are read outside the inputs of `nodes`: outputs of the model, and inputs of nested graphs. */
  readElsewhere: ReadonlySet<string>
}
