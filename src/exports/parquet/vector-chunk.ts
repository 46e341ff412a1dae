import type { ByteWriter, ParquetWriter } from 'hyparquet-writer'
import { writePageHeader } from 'hyparquet-writer/src/datapage.js'
import type { Dtype } from '../export-format.js'

/** hyparquet-writer has a version of hyparquet of its own, whose types differ. */
export type SchemaElement = ParquetWriter['schema'][number]
type ColumnChunk = ParquetWriter['row_groups'][number]['columns'][number]

/** The column of vectors: `list<float>` or `list<halffloat>`, neither of whose levels may be null. */
export function vectorSchema(name: string, dtype: Dtype): SchemaElement[] {
  const element: SchemaElement =
    dtype === 'float32'
      ? { name: 'element', type: 'FLOAT', repetition_type: 'REQUIRED' }
      : {
          name: 'element',
          type: 'FIXED_LEN_BYTE_ARRAY',
          type_length: 2,
          logical_type: { type: 'FLOAT16' },
          repetition_type: 'REQUIRED',
        }
  return [
    { name, num_children: 1, converted_type: 'LIST', repetition_type: 'REQUIRED' },
    { name: 'list', num_children: 1, repetition_type: 'REPEATED' },
    element,
  ]
}

/**
 * Writes the vectors of a row group as one data page of version 2
 * (https://parquet.apache.org/docs/file-format/data-pages/), plain and uncompressed: as they all have one length, the
 * levels are known without a look at the numbers. hyparquet-writer looks at each: 14 s for 100,000 vectors of 512 numbers
 * in single precision, and a minute in half precision, where this takes less than one second.
 * @param values of the vectors, [rows, dimension], the low byte first
 */
export function writeVectorChunk(
  writer: ByteWriter,
  {
    name,
    dtype,
    rows,
    dimension,
    values,
  }: { name: string; dtype: Dtype; rows: number; dimension: number; values: Uint8Array },
): ColumnChunk {
  const start = writer.offset
  const levels = repetitionLevels(rows, dimension)
  const definitions = run(rows * dimension, 1)
  const size = levels.length + definitions.length + values.length
  writePageHeader(writer, {
    type: 'DATA_PAGE_V2',
    uncompressed_page_size: size,
    compressed_page_size: size,
    data_page_header_v2: {
      num_values: rows * dimension,
      num_nulls: 0,
      num_rows: rows,
      encoding: 'PLAIN',
      definition_levels_byte_length: definitions.length,
      repetition_levels_byte_length: levels.length,
      is_compressed: false,
    },
  })
  for (const bytes of [levels, definitions, values]) writer.appendBytes(bytes)
  const bytes = BigInt(writer.offset - start)
  return {
    file_offset: BigInt(start),
    meta_data: {
      type: dtype === 'float32' ? 'FLOAT' : 'FIXED_LEN_BYTE_ARRAY',
      encodings: ['PLAIN', 'RLE'],
      path_in_schema: [name, 'list', 'element'],
      codec: 'UNCOMPRESSED',
      num_values: BigInt(rows * dimension),
      total_uncompressed_size: bytes,
      total_compressed_size: bytes,
      data_page_offset: BigInt(start),
    },
  }
}

/** 0 where a vector begins, 1 at each of its other numbers. */
function repetitionLevels(rows: number, dimension: number): Uint8Array {
  if (dimension === 1) return run(rows, 0)
  const row = [...run(1, 0), ...run(dimension - 1, 1)]
  const levels = new Uint8Array(rows * row.length)
  for (let i = 0; i < rows; i++) levels.set(row, i * row.length)
  return levels
}

/** A run of the RLE hybrid encoding for numbers of one bit: twice the length as a varint, then the number in a byte. */
function run(length: number, level: 0 | 1): Uint8Array {
  const bytes: number[] = []
  let rest = 2 * length
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) bytes.push((rest & 0x7f) | 0x80)
  return Uint8Array.of(...bytes, rest, level)
}
