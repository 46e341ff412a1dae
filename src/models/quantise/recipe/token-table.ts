import { FLOAT, INT8, type ModelGraph, type Node } from '../../graph/model-file.js'
import { readable } from './linear.js'
import { linksOf } from './links.js'
import { addBytes, addFloats, node } from './nodes.js'

/** Smaller tables, such as that of the positions, stay in floating point. */
const LEAST_ROWS = 256
const MOST = 127

/**
 * Rounds the table of tokens, which is most of a text tower, to 8 bits with a scale per token. A look-up reads the
 * levels of a token and its scale.
 */
export function roundTokenTable(graph: ModelGraph): void {
  const { constants } = linksOf(graph)
  graph.nodes = graph.nodes.flatMap(each => {
    const table = each.op === 'Gather' ? constants.get(each.inputs[0]!) : undefined
    const [rows = 0, width = 0] = table?.shape ?? []
    const isTable = table?.type === FLOAT && table.shape.length === 2 && rows >= LEAST_ROWS
    if (!isTable || (each.attributes.get('axis')?.integer ?? 0) !== 0 || constants.has(each.inputs[1]!)) return [each]
    return lookUp(graph, each, readable(table), rows, width)
  })
}

function lookUp(graph: ModelGraph, gather: Node, values: Float32Array, rows: number, width: number): Node[] {
  const [, ids] = gather.inputs as [string, string]
  const [output] = gather.outputs as [string]
  const own = (part: string) => `${output}:int8:${part}`
  const { bytes, scales } = roundRows(values, rows, width)
  const table = addBytes(graph, own('table'), INT8, bytes, [rows, width])
  const steps = addFloats(graph, own('steps'), scales, [rows, 1])
  return [
    node('Gather', [table, ids], own('levels')),
    node('Cast', [own('levels')], own('floats'), { to: FLOAT }),
    node('Gather', [steps, ids], own('scales')),
    node('Mul', [own('floats'), own('scales')], output),
  ]
}

function roundRows(values: Float32Array, rows: number, width: number): { bytes: Uint8Array; scales: Float32Array } {
  const bytes = new Int8Array(values.length)
  const scales = new Float32Array(rows)
  for (let row = 0; row < rows; row++) {
    const [start, end] = [row * width, (row + 1) * width]
    let highest = 1e-12
    for (let at = start; at < end; at++) highest = Math.max(highest, Math.abs(values[at]!))
    const scale = Math.fround(highest / MOST)
    scales[row] = scale
    for (let at = start; at < end; at++) bytes[at] = Math.max(-MOST, Math.min(MOST, Math.round(values[at]! / scale)))
  }
  return { bytes: new Uint8Array(bytes.buffer), scales }
}
