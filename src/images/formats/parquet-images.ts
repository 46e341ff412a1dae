import pLimit from 'p-limit'
import { PhotoError } from '../../domain/errors.js'
import type { ParquetRow } from '../../domain/places/parquet-row.js'
import { errorMessage } from '../../domain/text/error-text.js'

/**
 * Largest column chunk of images that is read, in bytes: it is in memory as a whole, compressed and not. A group of rows as
 * the library `datasets` writes it has 100 images.
 */
export const MAX_CHUNK_BYTES = 512 << 20
/** Groups of rows whose images stay in memory for the next photo, per process. */
const KEPT_GROUPS = 2
const KEPT_MS = 10_000

/** A group of rows. */
export interface RowGroup {
  /** First row, from 0. */
  start: number
  rows: number
  /** Of the images, uncompressed; 0 without a column of images. */
  imageBytes: number
}

export interface ParquetTable {
  /** Top-level columns. */
  names: string[]
  /** The column that holds images; null: none does. */
  image: string | null
  rows: number
  groups: RowGroup[]
  /** Rows in [start, end). Bytes are bytes in a table with images, and text in others. */
  read(columns: readonly string[], start: number, end: number): Promise<Record<string, unknown>[]>
}

/** Opens a Parquet file. Every codec but LZO is read. Rejects with whatever is wrong with the file. */
export async function openParquet(path: string): Promise<ParquetTable> {
  const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } = await import('hyparquet')
  const { compressors } = await import('hyparquet-compressors')
  const file = await asyncBufferFromFile(path)
  const metadata = await parquetMetadataAsync(file)
  const columns = topLevelColumns(metadata.schema)
  const image = imageColumn(columns, metadata.key_value_metadata)
  let start = 0
  const groups = metadata.row_groups.map((group): RowGroup => {
    const rows = Number(group.num_rows)
    const chunks = group.columns.filter(({ meta_data }) => image !== null && meta_data?.path_in_schema[0] === image)
    const imageBytes = chunks.reduce((sum, { meta_data }) => sum + Number(meta_data!.total_uncompressed_size), 0)
    start += rows
    return { start: start - rows, rows, imageBytes }
  })
  return {
    names: columns.map(({ name }) => name),
    image,
    rows: Number(metadata.num_rows),
    groups,
    read: (wanted, rowStart, rowEnd) =>
      parquetReadObjects({ file, metadata, columns: [...wanted], rowStart, rowEnd, compressors, utf8: image === null }),
  }
}

/** The image in the value of a column of images; null: there is none. */
export function imageBytes(value: unknown): Uint8Array | null {
  const bytes = value instanceof Uint8Array ? value : (value as { bytes?: unknown } | null | undefined)?.bytes
  return bytes instanceof Uint8Array && bytes.length > 0 ? bytes : null
}

type Images = (Uint8Array | null)[]
/** Of groups that are read, wait for that, or were read. */
const kept = new Map<string, Promise<Images>>()
/** Keys of those that were read, oldest first. */
const read = new Set<string>()
const reading = pLimit(1)

/**
 * The image in one row. The images of its group are read together and kept for a moment, since a batch asks for neighbours.
 * One group is read at a time.
 * @param version of the file: its size and time of change
 * @throws PhotoError FILE_NOT_FOUND for a row without an image, TOO_LARGE, DECODE_FAILED
 */
export async function imageInRow({ path, row }: ParquetRow, version: string): Promise<Uint8Array> {
  const { table, group } = await groupOf(path, row)
  const key = `${path}\n${version}\n${group.start}`
  const images = kept.get(key) ?? keep(key, () => imagesOf(table, group))
  const image = (await images.catch(error => fail(path, error)))[row - group.start]
  if (!image) throw new PhotoError('FILE_NOT_FOUND', `${path}: row ${row} has no image`)
  // A view would hold the memory of its whole group.
  return new Uint8Array(image)
}

async function groupOf(path: string, row: number): Promise<{ table: ParquetTable; group: RowGroup }> {
  const table = await openParquet(path).catch(error => fail(path, error))
  const group = table.groups.find(({ start, rows }) => row >= start && row < start + rows)
  if (table.image === null || group === undefined)
    throw new PhotoError('FILE_NOT_FOUND', `${path}: no row ${row} with an image`)
  if (group.imageBytes > MAX_CHUNK_BYTES)
    throw new PhotoError('TOO_LARGE', `${path}: ${group.imageBytes} bytes in one group of rows`)
  return { table, group }
}

async function imagesOf(table: ParquetTable, { start, rows }: RowGroup): Promise<Images> {
  const records = await table.read([table.image!], start, start + rows)
  return records.map(record => imageBytes(record[table.image!]))
}

function keep(key: string, work: () => Promise<Images>): Promise<Images> {
  const images = reading(work)
  kept.set(key, images)
  const forget = (each: string) => kept.delete(each) && read.delete(each)
  images.then(
    () => {
      for (const oldest of [...read].slice(0, read.size + 1 - KEPT_GROUPS)) forget(oldest)
      read.add(key)
      setTimeout(forget, KEPT_MS, key).unref()
    },
    () => forget(key),
  )
  return images
}

function fail(path: string, cause: unknown): never {
  if (cause instanceof PhotoError) throw cause
  throw new PhotoError('DECODE_FAILED', `${path}: damaged Parquet data (${errorMessage(cause)})`, { cause })
}

interface SchemaElement {
  name: string
  type?: string
  num_children?: number
  converted_type?: string
  logical_type?: unknown
}

interface TopLevelColumn extends SchemaElement {
  children: SchemaElement[]
}

/** The children of a schema's root. The schema is a tree in depth-first order. */
function topLevelColumns(schema: readonly SchemaElement[]): TopLevelColumn[] {
  const columns: TopLevelColumn[] = []
  let at = 1
  const childrenOf = ({ num_children: count = 0 }: SchemaElement): SchemaElement[] => {
    const children: SchemaElement[] = []
    for (let i = 0; i < count && at < schema.length; i++) {
      const child = schema[at++]!
      children.push(child)
      childrenOf(child)
    }
    return children
  }
  while (at < schema.length) {
    const column = schema[at++]!
    columns.push({ ...column, children: childrenOf(column) })
  }
  return columns
}

const IMAGE_NAME = /^(?:image|img|jpe?g|png|webp|picture|photo)$/i

/**
 * The column of images: one that the library `datasets` calls so in the file; else a struct with `bytes`, or bytes, with the
 * name of an image.
 */
function imageColumn(
  columns: readonly TopLevelColumn[],
  notes: readonly { key: string; value?: string }[] = [],
): string | null {
  const isBytes = ({ type, converted_type, logical_type }: SchemaElement) =>
    type === 'BYTE_ARRAY' && converted_type === undefined && logical_type === undefined
  const holdsBytes = columns.filter(
    column => isBytes(column) || column.children.some(child => child.name === 'bytes' && isBytes(child)),
  )
  const features = featuresOf(notes.find(({ key }) => key === 'huggingface')?.value)
  const called = holdsBytes.find(({ name }) => features[name]?._type === 'Image')
  return (called ?? holdsBytes.find(({ name }) => IMAGE_NAME.test(name)))?.name ?? null
}

function featuresOf(note: string | undefined): Record<string, { _type?: string } | undefined> {
  try {
    return JSON.parse(note ?? '{}')?.info?.features ?? {}
  } catch {
    return {}
  }
}
