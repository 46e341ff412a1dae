import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { contentId } from '../../domain/content-id.js'
import { AppError } from '../../domain/errors.js'
import { fileUrl, rowPath } from '../../domain/places/parquet-row.js'
import type { FileState, PlaceRepository } from '../../domain/ports/place-repository.js'
import { imageBytes, MAX_CHUNK_BYTES, openParquet, type ParquetTable } from '../../images/formats/parquet-images.js'
import { ownPhotoOf } from '../dataset/records.js'
import { derivedId } from '../input/derived-id.js'
import { damaged } from '../input/part.js'
import type { SourceRow } from '../input/source.js'
import { FRESH_NS, fileState, NS_PER_MS } from './digest-file.js'

const MIB = 1 << 20

/**
 * The photos of a Parquet file whose images lie in it, in the layout of the datasets on Hugging Face. Each is identified by
 * the bytes of its image; its place is the file and the row. A group of rows is in memory at a time. Images of rows that are
 * recorded for this version of the file are not read.
 * @param path absolute, without links
 * @param columns of the metadata
 * @param known undefined: reads no images, and derives ids from places, which is enough to count
 * @throws AppError INPUT_INVALID for damaged data, and for groups of rows that are too large
 */
export async function* parquetPhotos(
  path: string,
  { columns, known }: { columns: readonly string[]; known?: Pick<PlaceRepository, 'unchanged'> },
): AsyncGenerator<SourceRow> {
  const startNs = BigInt(Date.now()) * NS_PER_MS
  const before = await stat(path, { bigint: true })
  const table = await openParquet(path).catch(error => {
    throw damaged(path, 'Parquet data', error)
  })
  const image = table.image!
  const metadata = columns.filter(column => column !== image)
  for (const { start, rows, imageBytes: size } of table.groups) {
    const states = Array.from({ length: rows }, (_, i): FileState => {
      return { ...fileState(path, before), path: rowPath({ path, row: start + i }) }
    })
    const photoIds = await known?.unchanged(states)
    const isRead = photoIds !== undefined && photoIds.size < rows
    if (isRead) checkSize(path, size)
    const records = await recordsOf(path, table, isRead ? [image, ...metadata] : metadata, start, rows)
    if (isRead && !isSame(before, await stat(path, { bigint: true })))
      throw damaged(path, 'Parquet data', new Error('the file changes while it is read'))
    for (const [i, state] of states.entries()) {
      const at = { line: start + i + 1, part: path, path: state.path }
      const { [image]: value, ...record } = records[i] ?? {}
      const photo = (id: string) => ({ ...at, ...ownPhotoOf(record, { id, url: fileUrl(state.path) }) })
      const knownId = photoIds?.get(state.path)
      if (photoIds === undefined) yield photo(derivedId(state.path))
      else if (knownId !== undefined) yield { ...photo(knownId), isKnown: true } as SourceRow
      else {
        const bytes = imageBytes(value)
        if (bytes === null) {
          yield { ...at, path: undefined, problem: { code: 'NO_IMAGE', found: whyWithoutImage(image, value) } }
          continue
        }
        const digest = createHash('sha256').update(bytes).digest()
        const place = { ...state, digest, recheck: before.mtimeNs > startNs - FRESH_NS }
        yield { ...photo(contentId(digest)), place } as SourceRow
      }
    }
  }
}

async function recordsOf(path: string, table: ParquetTable, columns: readonly string[], start: number, rows: number) {
  if (columns.length === 0) return []
  return table.read(columns, start, start + rows).catch(error => {
    throw damaged(path, 'Parquet data', error)
  })
}

function checkSize(path: string, bytes: number): void {
  if (bytes <= MAX_CHUNK_BYTES) return
  const [found, most] = [bytes, MAX_CHUNK_BYTES].map(each => Math.ceil(each / MIB))
  throw new AppError(
    'INPUT_INVALID',
    `${path}: groups of rows with at most ${most} MiB of images expected, found one with ${found} MiB. Write the file again with smaller ones: Dataset.to_parquet(path, batch_size=100).`,
  )
}

function whyWithoutImage(column: string, value: unknown): string {
  const name = (value as { path?: unknown } | null | undefined)?.path
  return typeof name === 'string'
    ? `${column} names the file ${name.slice(0, 60)} and has no bytes`
    : `${column} is empty`
}

function isSame(a: { size: bigint; mtimeNs: bigint }, b: { size: bigint; mtimeNs: bigint }): boolean {
  return a.size === b.size && a.mtimeNs === b.mtimeNs
}
