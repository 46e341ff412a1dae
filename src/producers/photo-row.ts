import { barePhoto, PHOTO_COLUMNS, PHOTO_ID_PATTERN, type Photo, type PhotoColumn } from '../domain/photo.js'
import { type ColumnScalar, parseValue } from './column-value.js'
import { excerpt, type RowProblem, type ValueWarning } from './source.js'

/** Longer URLs are taken for damage. The dataset's have about 60 characters. */
const MAX_URL_LENGTH = 8192
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL_OR_SPACE = /[\u0000-\u0020\u007F]/
const BLANK = barePhoto('', '')

/** Which dataset column each field of a row is; undefined for columns that the dataset does not have. */
export type Header = readonly (PhotoColumn | undefined)[]

/** The dataset's columns in its own order. */
export const DATASET_HEADER = Object.keys(PHOTO_COLUMNS) as readonly PhotoColumn[]

export function isPhotoColumn(name: string): name is PhotoColumn {
  return Object.hasOwn(PHOTO_COLUMNS, name)
}

export type ReadRow = { photo: Photo; warnings?: ValueWarning[] } | { problem: RowProblem }

/** Makes a typed photo of the fields of one row, or says what is wrong with the row. */
export function readPhoto(fields: readonly string[], header: Header): ReadRow {
  const miscount = problemOfCount(fields, header.length)
  if (miscount) return { problem: miscount }
  const photo: Photo = { ...BLANK }
  const values = photo as Record<PhotoColumn, ColumnScalar | null>
  let warnings: ValueWarning[] | undefined
  for (let i = 0; i < fields.length; i++) {
    const column = header[i]
    let text = fields[i]!
    if (column === undefined || text === '') continue
    if (column === 'photo_id' || column === 'photo_image_url') {
      photo[column] = text.trim()
      continue
    }
    if (text.includes('\0')) {
      // Postgres cannot store it, and it means nothing in any of these columns.
      warnings = [...(warnings ?? []), { code: 'NUL_REMOVED', column, value: excerpt(text) }]
      text = text.replaceAll('\0', '')
      if (text === '') continue
    }
    const value = parseValue(PHOTO_COLUMNS[column], text)
    if (value === undefined) warnings = [...(warnings ?? []), { code: 'BAD_VALUE', column, value: excerpt(text) }]
    else values[column] = value
  }
  const problem = problemOfId(photo.photo_id) ?? problemOfUrl(photo.photo_image_url)
  if (problem) return { problem }
  return warnings ? { photo, warnings } : { photo }
}

export function problemOfCount(fields: readonly string[], columns: number): RowProblem | undefined {
  if (fields.length === columns) return undefined
  const found = `${fields.length} fields instead of ${columns}, beginning with ${excerpt(fields[0] ?? '', 40)}`
  return { code: 'WRONG_COLUMN_COUNT', found }
}

export function problemOfId(id: string): RowProblem | undefined {
  if (id === '') return { code: 'NO_ID', found: 'photo_id is empty' }
  if (!PHOTO_ID_PATTERN.test(id)) return { code: 'BAD_ID', found: excerpt(id) }
  return undefined
}

/** What is wrong with the URL of an image that comes from a file: only http and https may, never a file on this machine. */
export function problemOfUrl(url: string): RowProblem | undefined {
  if (url === '') return { code: 'NO_URL', found: 'photo_image_url is empty' }
  const valid =
    url.length <= MAX_URL_LENGTH && /^https?:\/\//i.test(url) && !CONTROL_OR_SPACE.test(url) && URL.canParse(url)
  return valid ? undefined : { code: 'NOT_A_URL', found: excerpt(url) }
}
