/** Field numbers of onnx/onnx.proto. */
export const MODEL = { graph: 7, opset: 8, metadata: 14 }
export const GRAPH = { node: 1, weight: 5, input: 11, output: 12, valueInfo: 13 }
export const VALUE_INFO = { name: 1, type: 2 }
export const TYPE = { tensor: 1 }
export const TENSOR_TYPE = { element: 1, shape: 2 }
/** OperatorSetIdProto. */
export const OPSET = { domain: 1, version: 2 }
export const SHAPE = { dim: 1 }
export const DIM = { value: 1, name: 2 }
export const NODE = { input: 1, output: 2, name: 3, op: 4, attribute: 5 }
export const ATTRIBUTE = {
  name: 1,
  float: 2,
  integer: 3,
  text: 4,
  tensor: 5,
  graph: 6,
  integers: 8,
  graphs: 11,
  type: 20,
}
/** Values of AttributeProto.AttributeType. */
export const INT = 2
export const INTS = 7
export const TENSOR = { dim: 1, type: 2, name: 8, raw: 9, externalData: 13, dataLocation: 14 }
/** Fields of TensorProto that store values as numbers. */
export const VALUES = { float: 4, int32: 5, int64: 7, double: 10, uint64: 11 }
export const ENTRY = { key: 1, value: 2 }
export const EXTERNAL = 1
