import { open } from 'node:fs/promises'
import { AppError } from '../../domain/errors.js'
import { openParquet, type ParquetTable } from '../../images/formats/parquet-images.js'
import { damaged } from '../input/part.js'
import { columnsOf, type SourceRecord } from './records.js'

const MAGIC = Buffer.from('PAR1')
/** Rows that are in memory at the same time; a reading decodes whole pages of the row groups that they lie in. */
const ROWS_AT_ONCE = 10_000

export async function isParquet(path: string): Promise<boolean> {
  const file = await open(path, 'r').catch(() => null)
  if (file === null) return false
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAGIC.length), 0, MAGIC.length, 0)
    return bytesRead === MAGIC.length && buffer.equals(MAGIC)
  } catch {
    // A folder.
    return false
  } finally {
    await file.close()
  }
}

/** A Parquet file with rows of photos. */
export interface ParquetFile {
  path: string
  /** Columns that a photo can have. */
  columns: string[]
  /** Whether the images lie in the file. */
  hasImages: boolean
  table: ParquetTable
}

/** @throws AppError INPUT_INVALID for a damaged file, and for one without photos */
export async function openParquetFile(path: string): Promise<ParquetFile> {
  const table = await reading(path, openParquet(path))
  const columns = columnsOf(table.names)
  if (columns.length === 0 && table.image === null)
    throw new AppError(
      'INPUT_INVALID',
      `${path}: a column url or photo_image_url, or one of images, expected; found ${table.names.join(', ') || 'none'}.`,
    )
  return { path, columns, hasImages: table.image !== null, table }
}

/** The rows of a Parquet file, only with the columns that a photo can have. @throws AppError INPUT_INVALID */
export async function* readParquet({ path, columns, table }: ParquetFile): AsyncGenerator<SourceRecord> {
  for (let start = 0; start < table.rows; start += ROWS_AT_ONCE) {
    const page = await reading(path, table.read(columns, start, Math.min(table.rows, start + ROWS_AT_ONCE)))
    for (const [i, record] of page.entries()) yield { line: start + i + 1, record }
  }
}

async function reading<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw damaged(path, 'Parquet data', error)
  }
}
