import type { PhotoColumn } from '../../domain/photo.js'
import { readPhoto } from './photo-row.js'
import type { SourceRow } from './source.js'
import { readRecords, type Table } from './table-reader.js'

/** The photos of one part. */
export async function* readPhotos(table: Table<PhotoColumn>): AsyncGenerator<SourceRow> {
  const part = table.part.name
  for await (const { line, fields, problem } of readRecords(table))
    yield problem ? { line, part, problem } : { line, part, ...readPhoto(fields, table.header) }
}
