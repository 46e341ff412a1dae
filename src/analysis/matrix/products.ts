import { type InferenceSession, Tensor } from 'onnxruntime-node'
import { type Matrix, matrix, rowsOf } from './matrix.js'
import { MOMENTS, momentsModel, momentsOutputs } from './moments-model.js'
import { FLOAT, operatorModel } from './operator-model.js'
import { openOperators } from './sessions.js'

/** Multiplications per call: some 50 ms, so that Ctrl-C is seen between calls. */
const MULTIPLICATIONS_PER_CALL = 2e9
/** Values of a block: 8 MB. */
const VALUES_PER_BLOCK = 2e6
const MOST_ROWS = 8192

export interface Moments {
  /** Sum of each column, [d] */
  sums: Float64Array
  /** Sum of the products of each two columns, [d, d]: symmetric */
  products: Float64Array
}

export interface ProductOptions {
  /** [b.rows], added to each row of the product; default: zeros. */
  bias?: Float32Array
  signal?: AbortSignal
}

const A = 'a'
const B = 'b'
const BIAS = 'bias'
const PRODUCT = 'product'
const ALONG_ROWS = new Tensor('int64', [0n], [1])
const INPUTS = { [A]: FLOAT, [B]: FLOAT, [BIAS]: FLOAT }

const gemm = (attributes: Record<string, number>) =>
  operatorModel([{ op: 'Gemm', inputs: [A, B, BIAS], outputs: [PRODUCT], attributes }], INPUTS, { [PRODUCT]: FLOAT })

/**
 * Matrix products by ONNX Runtime in float32, in blocks of rows: memory beside the arguments is constant. The event loop
 * turns between blocks, and a signal ends the work there.
 */
export class Products {
  /** By dimension, opened when it is needed. */
  private readonly momentSessions = new Map<number, Promise<InferenceSession>>()

  private constructor(
    private readonly rowSession: InferenceSession,
    private readonly columnSession: InferenceSession,
    private readonly threads: number,
  ) {}

  /** @param threads within a product; 0: one per core */
  static async open(threads = 0): Promise<Products> {
    const [rows, columns] = await Promise.all([
      openOperators(gemm({ transB: 1 }), threads),
      openOperators(gemm({ transA: 1 }), threads),
    ])
    return new Products(rows, columns, threads)
  }

  /**
   * A · Bᵀ + bias, block by block: dot products of the rows of A with the rows of B.
   * @param a [n, d] @param b [m, d]
   * @param onBlock rows of the product, [block, m], from row `first` of A. Its values are overwritten by the next block
   */
  async byRows(
    a: Matrix,
    b: Matrix,
    onBlock: (block: Matrix, first: number) => void,
    { bias = new Float32Array(b.rows), signal }: ProductOptions = {},
  ): Promise<void> {
    const most = blockRows(b.rows, b.columns)
    const others = { [B]: tensorOf(b), [BIAS]: new Tensor('float32', bias, [b.rows]) }
    const values = new Float32Array(Math.min(most, a.rows) * b.rows)
    for (let first = 0; first < a.rows; first += most) {
      signal?.throwIfAborted()
      const end = Math.min(a.rows, first + most)
      const block = matrix(end - first, b.rows, values.subarray(0, (end - first) * b.rows))
      await this.rowSession.run({ [A]: tensorOf(rowsOf(a, first, end)), ...others }, { [PRODUCT]: tensorOf(block) })
      onBlock(block, first)
    }
  }

  /** A · Bᵀ + bias as a whole, [n, m]: for small ones. */
  async ofRows(a: Matrix, b: Matrix, options: ProductOptions = {}): Promise<Matrix> {
    const whole = matrix(a.rows, b.rows)
    const copy = (block: Matrix, first: number) => whole.values.set(block.values, first * b.rows)
    await this.byRows(a, b, copy, options)
    return whole
  }

  /**
   * Aᵀ · B, summed over blocks of rows in float64.
   * @param a [n, p] @param b [n, q]
   * @returns [p, q], row-major
   */
  async ofColumns(a: Matrix, b: Matrix, { signal }: Pick<ProductOptions, 'signal'> = {}): Promise<Float64Array> {
    const sums = new Float64Array(a.columns * b.columns)
    const block = matrix(a.columns, b.columns)
    const bias = new Tensor('float32', new Float32Array(b.columns), [b.columns])
    const most = blockRows(a.columns, b.columns)
    for (let first = 0; first < a.rows; first += most) {
      signal?.throwIfAborted()
      const end = Math.min(a.rows, first + most)
      const feeds = { [A]: tensorOf(rowsOf(a, first, end)), [B]: tensorOf(rowsOf(b, first, end)), [BIAS]: bias }
      await this.columnSession.run(feeds, { [PRODUCT]: tensorOf(block) })
      for (let i = 0; i < sums.length; i++) sums[i]! += block.values[i]!
    }
    return sums
  }

  /**
   * Sums of the columns of A, and of their products, after `point` is subtracted from each row. Sums of blocks of rows are
   * added in float64.
   * @param a [n, d] @param point [d]: near the mean, so that no digits are lost
   */
  async moments(a: Matrix, point: Float32Array, { signal }: Pick<ProductOptions, 'signal'> = {}): Promise<Moments> {
    const d = a.columns
    const sums = new Float64Array(d)
    const products = new Float64Array(d * d)
    const session = await this.momentSession(d)
    const outputs = momentsOutputs(d)
    const about = new Tensor('float32', point, [d])
    const most = blockRows(d, d)
    for (let first = 0; first < a.rows; first += most) {
      signal?.throwIfAborted()
      const block = rowsOf(a, first, Math.min(a.rows, first + most))
      const found = await session.run({
        [MOMENTS.rows]: tensorOf(block),
        [MOMENTS.point]: about,
        [MOMENTS.axes]: ALONG_ROWS,
      })
      addTo(sums, 0, found[MOMENTS.sums]!.data as Float32Array)
      for (const { name, row, column, rows, columns } of outputs) {
        const values = found[name]!.data as Float32Array
        for (let i = 0; i < rows; i++)
          addTo(products, (row + i) * d + column, values.subarray(i * columns, (i + 1) * columns))
      }
    }
    for (let i = 0; i < d; i++) for (let j = 0; j < i; j++) products[i * d + j] = products[j * d + i]!
    return { sums, products }
  }

  async close(): Promise<void> {
    const moments = await Promise.all(this.momentSessions.values())
    await Promise.all([this.rowSession, this.columnSession, ...moments].map(session => session.release()))
  }

  private momentSession(dimension: number): Promise<InferenceSession> {
    const known = this.momentSessions.get(dimension)
    if (known !== undefined) return known
    const opened = openOperators(momentsModel(dimension), this.threads)
    this.momentSessions.set(dimension, opened)
    return opened
  }
}

function addTo(sums: Float64Array, at: number, values: Float32Array): void {
  for (let i = 0; i < values.length; i++) sums[at + i]! += values[i]!
}

const tensorOf = ({ rows, columns, values }: Matrix): Tensor => new Tensor('float32', values, [rows, columns])

/** Rows per call for a product of `m` numbers per row, each a sum of `d` terms. */
function blockRows(m: number, d: number): number {
  const most = Math.min(MULTIPLICATIONS_PER_CALL / (m * d), VALUES_PER_BLOCK / m, MOST_ROWS)
  return Math.max(1, Math.floor(most))
}
