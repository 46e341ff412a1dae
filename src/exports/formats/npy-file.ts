import type { Dtype } from '../export-format.js'
import { ShardFile } from '../shard-file.js'
import { vectorBytes } from '../vector-bytes.js'

/** Room for any number of rows. NumPy aligns the data to 64 bytes. */
const HEADER_BYTES = 128
const DESCRIPTIONS: Record<Dtype, string> = { float32: '<f4', float16: '<f2' }

/** Version 1.0 of NumPy's format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
export function npyHeader(dtype: Dtype, shape: readonly number[]): Uint8Array {
  const dimensions = shape.length === 1 ? `${shape[0]},` : shape.join(', ')
  const text = `{'descr': '${DESCRIPTIONS[dtype]}', 'fortran_order': False, 'shape': (${dimensions}), }`
  const header = Buffer.alloc(HEADER_BYTES, ' ')
  header.write('\x93NUMPY\x01\x00', 'latin1')
  header.writeUInt16LE(HEADER_BYTES - 10, 8)
  header.write(text, 10, 'latin1')
  header.write('\n', HEADER_BYTES - 1)
  return header
}

/** A NumPy array [rows, dimension] whose rows are counted as they come. */
export class NpyFile {
  #rows = 0

  private constructor(
    private readonly file: ShardFile,
    private readonly dtype: Dtype,
    private readonly dimension: number,
  ) {}

  static async create(path: string, dtype: Dtype, dimension: number): Promise<NpyFile> {
    const file = await ShardFile.create(path)
    await file.write(npyHeader(dtype, [0, dimension]))
    return new NpyFile(file, dtype, dimension)
  }

  get bytes(): number {
    return this.file.bytes
  }

  /** @param vectors [rows, dimension] */
  async add(vectors: Float32Array): Promise<void> {
    await this.file.write(vectorBytes(vectors, this.dtype))
    this.#rows += vectors.length / this.dimension
  }

  async close(): Promise<void> {
    await this.file.replace(0, npyHeader(this.dtype, [this.#rows, this.dimension]))
    await this.file.close()
  }

  abort(): Promise<void> {
    return this.file.abort()
  }
}
