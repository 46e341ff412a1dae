import { type InferenceSession, Tensor } from 'onnxruntime-node'
import { type Matrix, rowsOf, squaredNorms } from '../matrix/matrix.js'
import { FLOAT, INT64, operatorModel } from '../matrix/operator-model.js'
import { openOperators } from '../matrix/sessions.js'

/** The nearest rows of each row, nearest first; the row itself is left out. */
export interface Neighbours {
  k: number
  /** [n, k] */
  rows: Int32Array
  /** Euclidean distances, [n, k] */
  distances: Float32Array
}

/** Rows and columns of a block of the product: 16 MB, some 20 ms. */
const BLOCK_ROWS = 512
const BLOCK_COLUMNS = 8192
const INT32 = 6

/** The k largest of a · bᵀ + bias per row: in the runtime, so that the block itself is not copied. */
const NEAREST = operatorModel(
  [
    { op: 'Gemm', inputs: ['a', 'b', 'bias'], outputs: ['product'], attributes: { transB: 1 } },
    { op: 'TopK', inputs: ['product', 'k'], outputs: ['most', 'places'] },
    { op: 'Cast', inputs: ['places'], outputs: ['columns'], attributes: { to: INT32 } },
  ],
  { a: FLOAT, b: FLOAT, bias: FLOAT, k: INT64 },
  { most: FLOAT, columns: INT32 },
)

/**
 * Exact nearest neighbours by Euclidean distance, by matrix products in blocks: time n² d, memory n k.
 * @param data [n, d] @param k fewer than n
 */
export async function nearestNeighbours(
  data: Matrix,
  k: number,
  { onProgress, signal }: { onProgress?: (rows: number) => void; signal?: AbortSignal } = {},
): Promise<Neighbours> {
  const { rows: n } = data
  if (k >= n) throw new RangeError(`expected fewer neighbours than the ${n} rows, found ${k}`)
  const session = await openOperators(NEAREST, 0)
  const norms = squaredNorms(data)
  // The nearest row has the largest x · y - |y|² / 2.
  const bias = Float32Array.from(norms, norm => -norm / 2)
  const rows = new Int32Array(n * k)
  const distances = new Float32Array(n * k)
  try {
    for (let first = 0; first < n; first += BLOCK_ROWS) {
      const block = rowsOf(data, first, Math.min(n, first + BLOCK_ROWS))
      const nearest = new NearestOfBlock(block.rows, k)
      for (let column = 0; column < n; column += BLOCK_COLUMNS) {
        signal?.throwIfAborted()
        await nearest.add(
          session,
          block,
          rowsOf(data, column, Math.min(n, column + BLOCK_COLUMNS)),
          bias,
          first,
          column,
        )
      }
      rows.set(nearest.columns, first * k)
      for (let at = 0; at < nearest.most.length; at++) {
        const squared = norms[first + Math.floor(at / k)]! - 2 * nearest.most[at]!
        distances[first * k + at] = Math.sqrt(Math.max(0, squared))
      }
      onProgress?.(first + block.rows)
    }
  } finally {
    await session.release()
  }
  return { k, rows, distances }
}

/** The nearest so far of some rows, best first. */
class NearestOfBlock {
  /** [rows, k] */
  readonly most: Float32Array
  readonly columns: Int32Array

  constructor(
    private readonly rows: number,
    private readonly k: number,
  ) {
    this.most = new Float32Array(rows * k).fill(Number.NEGATIVE_INFINITY)
    this.columns = new Int32Array(rows * k)
  }

  /** @param firstRow of the block in the whole @param firstColumn of `others` in the whole */
  async add(
    session: InferenceSession,
    block: Matrix,
    others: Matrix,
    bias: Float32Array,
    firstRow: number,
    firstColumn: number,
  ): Promise<void> {
    // One more than k, since the row itself may be among them.
    const taken = Math.min(this.k + 1, others.rows)
    const { most, columns } = await session.run({
      a: new Tensor('float32', block.values, [block.rows, block.columns]),
      b: new Tensor('float32', others.values, [others.rows, others.columns]),
      bias: new Tensor('float32', bias.subarray(firstColumn, firstColumn + others.rows), [others.rows]),
      k: new Tensor('int64', BigInt64Array.of(BigInt(taken)), [1]),
    })
    const values = most!.data as Float32Array
    const places = columns!.data as Int32Array
    for (let row = 0, at = 0; row < this.rows; row++)
      for (let i = 0; i < taken; i++, at++) {
        const column = firstColumn + places[at]!
        if (column !== firstRow + row) this.#insert(row, values[at]!, column)
      }
  }

  #insert(row: number, value: number, column: number): void {
    const start = row * this.k
    let at = start + this.k - 1
    if (value <= this.most[at]!) return
    for (; at > start && this.most[at - 1]! < value; at--) {
      this.most[at] = this.most[at - 1]!
      this.columns[at] = this.columns[at - 1]!
    }
    this.most[at] = value
    this.columns[at] = column
  }
}
