import { pathToFileURL } from 'node:url'
import pLimit, { type LimitFunction } from 'p-limit'
import { contentId } from '../../domain/content-id.js'
import { barePhoto } from '../../domain/photo.js'
import type { PlaceRepository } from '../../domain/ports/place-repository.js'
import { isExhausted } from '../../domain/text/error-text.js'
import { derivedId } from '../input/derived-id.js'
import type { BadRow, FileRow, SourceRow } from '../input/source.js'
import { ChangingFileError, digestFile } from './digest-file.js'

/** Files per lookup of what is known. */
const PAGE_FILES = 500
/** Files read at the same time: as many as Node has threads for files. */
const READ_AT_ONCE = 4

/**
 * Identifies files by their content. Reads only those that are new, or that changed since they were recorded. Rows come in
 * the order of the files.
 * @param known null: reads nothing, and derives ids from paths, which is enough to count
 */
export async function* identifyFiles(
  rows: AsyncIterable<FileRow | BadRow>,
  known: Pick<PlaceRepository, 'unchanged'> | null,
): AsyncGenerator<SourceRow> {
  if (known === null) {
    for await (const row of rows) yield row.file ? photoRow(row, derivedId(row.file.path)) : row
    return
  }
  const limit = pLimit(READ_AT_ONCE)
  try {
    for await (const page of pagesOf(rows)) {
      const files = page.flatMap(({ file, raw }) => [...(file ? [file] : []), ...(raw ? [raw] : [])])
      const photoIds = await known.unchanged(files)
      const identified = page.map(found => {
        if (!found.file) return found
        const { raw } = found
        const isRaw = raw && photoIds.has(raw.path) && !photoIds.has(found.file.path)
        const row = isRaw ? { ...found, file: raw, path: raw.path } : found
        const photoId = photoIds.get(row.file.path)
        return photoId === undefined ? read(row, limit) : { ...photoRow(row, photoId), isKnown: true }
      })
      for (const row of identified) yield await row
    }
  } finally {
    limit.clearQueue()
  }
}

function read(row: FileRow, limit: LimitFunction): Promise<SourceRow> {
  const reading = limit(async () => {
    try {
      const place = await digestFile(row.file.path)
      return { ...photoRow(row, contentId(place.digest)), place }
    } catch (error) {
      if (isExhausted(error)) throw error
      return badRow(row, error as NodeJS.ErrnoException)
    }
  })
  // Awaited later, in the order of the rows.
  reading.catch(() => {})
  return reading
}

function photoRow({ line, part, file }: FileRow, photoId: string): SourceRow & { problem?: undefined } {
  return { line, part, path: file.path, photo: barePhoto(photoId, pathToFileURL(file.path).href) }
}

function badRow({ line, part, file }: FileRow, error: NodeJS.ErrnoException): BadRow {
  const code = error instanceof ChangingFileError ? 'CHANGING' : 'UNREADABLE'
  return { line, part, path: file.path, problem: { code, found: `${file.path}: ${error.code ?? error.message}` } }
}

/** Pages for lookups of what is known. */
export async function* pagesOf<T>(rows: AsyncIterable<T>): AsyncGenerator<T[]> {
  let page: T[] = []
  for await (const row of rows) {
    page.push(row)
    if (page.length < PAGE_FILES) continue
    yield page
    page = []
  }
  if (page.length > 0) yield page
}
