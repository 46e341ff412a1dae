import { ByteWriter, ParquetWriter } from 'hyparquet-writer'
import type { VectorPage } from '../../domain/ports/vectors/vector-repository.js'
import { VERSION } from '../../version.js'
import type { Column } from '../columns.js'
import type { Dtype } from '../export-format.js'
import { ShardFile } from '../shard-file.js'
import { vectorBytes } from '../vector-bytes.js'
import { scalarSchema, scalarValue } from './scalar-column.js'
import { type SchemaElement, vectorSchema, writeVectorChunk } from './vector-chunk.js'

/** A column that Parquet has and tables have not: lists, structures. */
export interface NestedColumn {
  schema: SchemaElement[]
  /** One value per photo of the page. */
  valuesOf(page: VectorPage): unknown[]
}

export interface ParquetContent {
  columns: readonly Column[]
  nested?: readonly NestedColumn[]
  /** Comes last. */
  vector?: { name: string; dtype: Dtype }
}

/** A Parquet file with one row group per page, compressed with Snappy except for vectors, which hardly shrink. */
export class ParquetFile {
  readonly #parquet: ParquetWriter

  private constructor(
    private readonly file: ShardFile,
    private readonly writer: ByteWriter,
    private readonly content: ParquetContent,
  ) {
    const { columns, nested = [], vector } = content
    const fields = [
      ...columns.map(scalarSchema),
      ...nested.flatMap(({ schema }) => schema),
      ...(vector ? vectorSchema(vector.name, vector.dtype) : []),
    ]
    const root = { name: 'root', num_children: columns.length + nested.length + (vector ? 1 : 0) }
    this.#parquet = new ParquetWriter({
      writer,
      schema: [root, ...fields],
      createdBy: `unsplash-clip version ${VERSION}`,
    })
  }

  static async create(path: string, content: ParquetContent): Promise<ParquetFile> {
    return new ParquetFile(await ShardFile.create(path), new ByteWriter(), content)
  }

  get bytes(): number {
    return this.writer.offset
  }

  async add(page: VectorPage): Promise<void> {
    const { columns, nested = [], vector } = this.content
    const scalars = columns.map(column => ({
      name: column.name,
      data: page.ids.map((_, i) => scalarValue(column.type, column.valueOf(page, i))),
      offsetIndex: false,
    }))
    const others = nested.map(column => ({
      name: column.schema[0]!.name,
      data: column.valuesOf(page),
      statistics: false,
      offsetIndex: false,
    }))
    this.#parquet.write({ columnData: [...scalars, ...others], rowGroupSize: page.ids.length })
    if (vector) this.#addVectors(page, vector)
    await this.#flush()
  }

  async close(): Promise<void> {
    this.#parquet.finish()
    await this.#flush()
    await this.file.close()
  }

  abort(): Promise<void> {
    return this.file.abort()
  }

  #addVectors({ ids, vectors, dimension }: VectorPage, { name, dtype }: { name: string; dtype: Dtype }): void {
    const values = vectorBytes(vectors, dtype)
    const chunk = writeVectorChunk(this.writer, { name, dtype, rows: ids.length, dimension, values })
    const group = this.#parquet.row_groups.at(-1)!
    group.columns.push(chunk)
    group.total_byte_size += chunk.meta_data!.total_uncompressed_size
    group.total_compressed_size = (group.total_compressed_size ?? 0n) + chunk.meta_data!.total_compressed_size
  }

  async #flush(): Promise<void> {
    await this.file.write(this.writer.getBytes())
    this.writer.index = 0
  }
}
