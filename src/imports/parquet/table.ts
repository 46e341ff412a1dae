import { type FileHandle, open } from 'node:fs/promises'
import type { FileMetaData } from 'hyparquet'
import { AppError } from '../../domain/errors.js'
import { damaged } from '../../producers/input/part.js'
import { columnPages } from './column-pages.js'
import { flatColumns, type SchemaPath, vectorColumn } from './columns.js'
import { flatValues, ItemReader } from './flat-values.js'
import { type ListValue, listLevels, listValues } from './list-values.js'

/** Rows that are taken from the columns at once. */
const ROWS_AT_ONCE = 256
/** Of a file with an encrypted footer, instead of PAR1. */
const ENCRYPTED_MAGIC = 'PARE'

/** A Parquet file whose rows are read column by column, a page of each at a time. */
export interface VectorTable {
  readonly path: string
  readonly rows: number
  /** The numbers of the column of vectors; null: the file is not to hold any. */
  readonly vector: SchemaPath | null
  /** Columns of single values, by name. */
  readonly flat: ReadonlyMap<string, SchemaPath>
  readonly metadata: FileMetaData
}

export interface TableRow {
  /** Null: the file holds no vectors. */
  vector: ListValue | null
  record: Record<string, unknown>
}

/**
 * @param wanted the column of vectors; null: the file is not to hold any
 * @throws AppError INPUT_NOT_FOUND, INPUT_INVALID, INPUT_COLUMNS_MISSING
 */
export async function openVectorTable(path: string, wanted: string | undefined | null): Promise<VectorTable> {
  const { asyncBufferFromFile, parquetMetadataAsync, parquetSchema } = await import('hyparquet')
  const buffer = await asyncBufferFromFile(path).catch((cause: NodeJS.ErrnoException) => {
    throw new AppError('INPUT_NOT_FOUND', `${path} cannot be read: ${cause.code ?? cause.message}`, { cause })
  })
  await refuseEncrypted(path, buffer)
  const metadata = await reading(path, parquetMetadataAsync(buffer, { geoparquet: false }))
  const root = parquetSchema(metadata)
  const vector = wanted === null ? null : vectorColumn(path, root, wanted)
  return { path, rows: Number(metadata.num_rows), vector, flat: flatColumns(root), metadata }
}

/**
 * The rows in order.
 * @param names columns of single values to read; others are not
 * @param longest numbers of the longest vector that is of use
 * @throws AppError INPUT_INVALID
 */
export async function* tableRows(
  table: VectorTable,
  names: readonly string[],
  longest: number,
): AsyncGenerator<TableRow> {
  const file = await open(table.path, 'r')
  try {
    for (const group of table.metadata.row_groups) {
      const readers = openReaders(file, table, group, names, longest)
      const rows = Number(group.num_rows)
      for (let done = 0; done < rows; done += ROWS_AT_ONCE)
        yield* await reading(table.path, takeRows(readers, names, Math.min(ROWS_AT_ONCE, rows - done)))
      await readers.vectors?.close()
      for (const reader of readers.flat) await reader.close()
    }
  } finally {
    await file.close()
  }
}

interface Readers {
  vectors: ItemReader<ListValue> | null
  flat: ItemReader<unknown>[]
}

async function takeRows({ vectors, flat }: Readers, names: readonly string[], count: number): Promise<TableRow[]> {
  const lists = vectors && (await vectors.take(count))
  const values: unknown[][] = []
  for (const reader of flat) values.push(await reader.take(count))
  return Array.from({ length: count }, (_, row) => ({
    vector: lists && lists[row]!,
    record: Object.fromEntries(names.map((name, i) => [name, values[i]![row]])),
  }))
}

function openReaders(
  file: FileHandle,
  { path, vector, flat }: VectorTable,
  group: FileMetaData['row_groups'][number],
  names: readonly string[],
  longest: number,
): Readers {
  const pagesOf = (nodes: SchemaPath) => {
    const wanted = nodes.at(-1)!.path.join('.')
    const chunk = group.columns.find(({ meta_data: data }) => data?.path_in_schema.join('.') === wanted)
    if (chunk?.crypto_metadata !== undefined) throw encrypted(path)
    if (!chunk?.meta_data || chunk.file_path)
      throw damaged(path, 'Parquet data', new Error(`a group of rows has no column ${wanted}`))
    return columnPages(file, chunk.meta_data, nodes)
  }
  return {
    vectors: vector && new ItemReader(listValues(pagesOf(vector), listLevels(vector), longest)),
    flat: names.map(name => {
      const nodes = flat.get(name)!
      return new ItemReader(flatValues(pagesOf(nodes), nodes))
    }),
  }
}

async function refuseEncrypted(
  path: string,
  file: { byteLength: number; slice(start: number, end: number): ArrayBuffer | Promise<ArrayBuffer> },
): Promise<void> {
  if (file.byteLength < 12) throw damaged(path, 'Parquet data', new Error(`${file.byteLength} bytes`))
  const end = Buffer.from(await file.slice(file.byteLength - 4, file.byteLength)).toString('latin1')
  if (end === ENCRYPTED_MAGIC) throw encrypted(path)
}

const encrypted = (path: string): AppError =>
  new AppError(
    'INPUT_INVALID',
    `${path}: expected plain Parquet data, found encrypted ones. Write the file again without encryption.`,
  )

async function reading<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (error instanceof AppError) throw error
    throw damaged(path, 'Parquet data', error)
  }
}
