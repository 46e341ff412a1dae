import type { Attribute, Node } from '../../models/graph/model-graph.js'
import { GRAPH, MODEL, OPSET } from '../../models/graph/onnx-fields.js'
import { bytesField, integerField, textField } from '../../models/graph/protobuf.js'
import { nodeParts, valueParts } from '../../models/graph/write-model.js'

/** Values of TensorProto.DataType. */
export const FLOAT = 1
export const INT64 = 7
export const DOUBLE = 11

/** Fields of ModelProto and GraphProto that a model made from nothing needs. */
const IR_VERSION = { field: 1, value: 8 }
const GRAPH_NAME = 2
const OPERATOR_SET = 17

/** An operator with inputs and outputs by name. Attributes are integers. */
export interface Operator {
  op: string
  inputs: readonly string[]
  outputs: readonly string[]
  attributes?: Readonly<Record<string, number>>
}

/** Types of tensors by name. Shapes are those of the call. */
export type TensorTypes = Readonly<Record<string, number>>

/** Returns the bytes of an ONNX model without weights, made of some operators in their order. */
export function operatorModel(operators: readonly Operator[], inputs: TensorTypes, outputs: TensorTypes): Uint8Array {
  const values = (field: number, types: TensorTypes) =>
    Object.entries(types).flatMap(([name, type]) => bytesField(field, valueParts(name, type)))
  const graph = [
    ...operators.flatMap(operator => bytesField(GRAPH.node, nodeParts(nodeOf(operator)))),
    textField(GRAPH_NAME, 'operators'),
    ...values(GRAPH.input, inputs),
    ...values(GRAPH.output, outputs),
  ]
  return Buffer.concat([
    integerField(IR_VERSION.field, IR_VERSION.value),
    ...bytesField(MODEL.opset, [integerField(OPSET.version, OPERATOR_SET)]),
    ...bytesField(MODEL.graph, graph),
  ])
}

function nodeOf({ op, inputs, outputs, attributes = {} }: Operator): Node {
  const entries = Object.entries(attributes).map(([name, integer]): [string, Attribute] => [
    name,
    { integer, integers: [] },
  ])
  return { op, inputs, outputs, attributes: new Map(entries) }
}
