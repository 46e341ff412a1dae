import { basename, extname } from 'node:path'
import type { Photo, PhotoColumn } from '../domain/photo.js'
import { textOf, valuesOf } from '../producers/dataset/records.js'
import { derivedId } from '../producers/input/derived-id.js'
import { problemOfId, problemOfUrl, readPhoto, withoutBlanks } from '../producers/input/photo-row.js'
import { excerpt, type RowProblem, type ValueWarning } from '../producers/input/source.js'
import { ID_NAMES } from './record-columns.js'

export interface RecordPhoto {
  photo: Photo
  /** Columns that the record has values for, besides the id. */
  columns: PhotoColumn[]
  warnings?: ValueWarning[]
}

/**
 * The photo of a record. Its id is, in this order: the one given from outside; that of the column the user names; `photo_id`;
 * the one that `ingest` derives from the URL, so that the photo is the same; the name of the sample or of its file. The URL may
 * be missing: it is empty then.
 * @param given id from outside of the record
 */
export function photoOfRecord(
  record: Readonly<Record<string, unknown>>,
  given: string | undefined,
  idColumn: string | undefined,
): RecordPhoto | { problem: RowProblem } {
  const values = valuesOf(record)
  const written = values.get('photo_image_url')?.trim() ?? ''
  const badUrl = written === '' ? undefined : problemOfUrl(written)
  const url = badUrl ? '' : withoutBlanks(written)
  const id = given ?? (idColumn === undefined ? ownId(record, values, url) : textOf(record[idColumn]).trim())
  const problem = problemOfId(id)
  if (problem) return { problem }
  values.delete('photo_id')
  values.delete('photo_image_url')
  const read = readPhoto([...values.values()], [...values.keys()], { id, url })
  if ('problem' in read) return read
  const columns: PhotoColumn[] = [...values.keys()]
  if (url !== '') columns.push('photo_image_url')
  const warnings = [...(read.warnings ?? [])]
  if (badUrl) warnings.push({ code: 'BAD_VALUE', column: 'photo_image_url', value: excerpt(written) })
  return warnings.length > 0 ? { photo: read.photo, columns, warnings } : { photo: read.photo, columns }
}

function ownId(record: Readonly<Record<string, unknown>>, values: Map<PhotoColumn, string>, url: string): string {
  const known = values.get('photo_id')?.trim()
  if (known) return known
  if (url !== '') return derivedId(url)
  const byName = new Map(Object.entries(record).map(([name, value]) => [name.toLowerCase(), value]))
  for (const name of ID_NAMES) {
    const text = textOf(byName.get(name)).trim()
    if (text !== '') return text.includes('/') || extname(text) !== '' ? basename(text, extname(text)) : text
  }
  return ''
}
