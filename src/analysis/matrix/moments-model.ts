import { FLOAT, INT64, type Operator, operatorModel } from './operator-model.js'

/** Names of the inputs, and of one output. */
export const MOMENTS = { rows: 'rows', point: 'point', axes: 'axes', sums: 'sums' } as const

/** A part of the products of columns: those from `row` on with those from `column` on. */
export interface ProductsPart {
  name: string
  row: number
  column: number
  rows: number
  columns: number
}

/** Bands in which a symmetric product is computed, each from the diagonal on: 10 of 16 squares. */
const BANDS = 4

const DIFFERENCES = 'differences'

/** The parts of the products of `d` columns: the upper triangle, and what the bands have below it. */
export function momentsOutputs(d: number): ProductsPart[] {
  const bands = bandsOf(d)
  const rows = d / bands
  return Array.from({ length: bands }, (_, band) => {
    const first = band * rows
    return { name: `products${band}`, row: first, column: first, rows, columns: d - first }
  })
}

/** Sums of columns, and of their products, about a point: rows [n, d], point [d], axes [1] (0). */
export function momentsModel(d: number): Uint8Array {
  const outputs = momentsOutputs(d)
  const parts = outputs.map((_, band) => `part${band}`)
  const operators: Operator[] = [
    { op: 'Sub', inputs: [MOMENTS.rows, MOMENTS.point], outputs: [DIFFERENCES] },
    { op: 'ReduceSum', inputs: [DIFFERENCES, MOMENTS.axes], outputs: [MOMENTS.sums], attributes: { keepdims: 0 } },
  ]
  if (parts.length > 1) operators.push({ op: 'Split', inputs: [DIFFERENCES], outputs: parts, attributes: { axis: 1 } })
  for (const [band, { name }] of outputs.entries()) {
    const rest = band === 0 ? DIFFERENCES : `rest${band}`
    if (band > 0) operators.push({ op: 'Concat', inputs: parts.slice(band), outputs: [rest], attributes: { axis: 1 } })
    const part = parts.length > 1 ? parts[band]! : DIFFERENCES
    operators.push({ op: 'Gemm', inputs: [part, rest], outputs: [name], attributes: { transA: 1 } })
  }
  const floats = Object.fromEntries([MOMENTS.sums, ...outputs.map(({ name }) => name)].map(name => [name, FLOAT]))
  return operatorModel(operators, { [MOMENTS.rows]: FLOAT, [MOMENTS.point]: FLOAT, [MOMENTS.axes]: INT64 }, floats)
}

const bandsOf = (d: number): number => (d % BANDS === 0 ? BANDS : 1)
