import type { PhotoColumn } from '../../domain/photo.js'
import { derivedId } from '../input/derived-id.js'
import { isPhotoColumn, type OwnPhoto, readPhoto, withoutBlanks } from '../input/photo-row.js'
import type { RowProblem, SourceRow } from '../input/source.js'

/** A row with columns of any names, or the problem with it. */
export type SourceRecord = { line: number } & (
  | { record: Readonly<Record<string, unknown>>; problem?: undefined }
  | { problem: RowProblem }
)

/**
 * Other names of columns, the first one wins: those of img2dataset, LAION and the image datasets on Hugging Face. Names are
 * compared in lower case.
 */
const ALIASES: Partial<Record<PhotoColumn, readonly string[]>> = {
  photo_image_url: ['image_url', 'url', 'image'],
  photo_description: ['caption', 'text', 'top_caption', 'alt', 'alt_text'],
  photo_width: ['original_width', 'width'],
  photo_height: ['original_height', 'height'],
}

/**
 * The photos of records: columns of the dataset by their names, and those of img2dataset and Hugging Face. A record
 * without `photo_id` has the id of its URL, as in a list of URLs.
 * @param part for messages
 */
export async function* readRecordPhotos(part: string, records: AsyncIterable<SourceRecord>): AsyncGenerator<SourceRow> {
  for await (const row of records) {
    const { line } = row
    yield row.problem ? { line, part, problem: row.problem } : { line, part, ...photoOf(row.record) }
  }
}

/** The columns of a schema that a photo can have. */
export function columnsOf(names: readonly string[]): string[] {
  const known = new Set(Object.values(ALIASES).flat())
  return names.filter(name => isPhotoColumn(name.toLowerCase()) || known.has(name.toLowerCase()))
}

/** A photo whose image lies in the input itself, with what its record says. */
export function ownPhotoOf(record: Readonly<Record<string, unknown>>, own: OwnPhoto) {
  const values = valuesOf(record)
  values.delete('photo_id')
  values.delete('photo_image_url')
  return readPhoto([...values.values()], [...values.keys()], own)
}

function photoOf(record: Readonly<Record<string, unknown>>) {
  const values = valuesOf(record)
  const url = values.get('photo_image_url')?.trim()
  if (url && !values.has('photo_id')) values.set('photo_id', derivedId(withoutBlanks(url)))
  if (!url) return { problem: { code: 'NO_URL' as const, found: whyWithoutUrl(record) } }
  return readPhoto([...values.values()], [...values.keys()])
}

/** The values of a record by the column of a photo that they fit, as texts. */
export function valuesOf(record: Readonly<Record<string, unknown>>): Map<PhotoColumn, string> {
  const values = new Map<PhotoColumn, string>()
  const byName = new Map(Object.entries(record).map(([name, value]) => [name.toLowerCase(), textOf(value)]))
  for (const [name, text] of byName) if (isPhotoColumn(name) && text) values.set(name, text)
  for (const [column, aliases] of Object.entries(ALIASES) as [PhotoColumn, readonly string[]][]) {
    const text = aliases.map(alias => byName.get(alias)).find(each => each)
    if (text && !values.has(column)) values.set(column, text)
  }
  return values
}

function whyWithoutUrl(record: Readonly<Record<string, unknown>>): string {
  if ('file_name' in record) return 'file_name names a file; ingest the folder of the images'
  return `columns ${Object.keys(record).slice(0, 8).join(', ')}`
}

/** The text of a single value; empty for lists and objects. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  if (value instanceof Date) return value.toISOString()
  return typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean' ? String(value) : ''
}
