import {
  barePhoto,
  DATASET_COLUMNS,
  PHOTO_COLUMNS,
  PHOTO_ID_PATTERN,
  type Photo,
  type PhotoColumn,
} from '../../domain/photo.js'
import { type ColumnScalar, parseValue } from '../../domain/where/column-value.js'
import { excerpt, type RowProblem, type ValueWarning } from './source.js'
import { problemOfLength } from './text-limits.js'

/** Longer URLs count as damage; the dataset's have about 60 characters. */
const MAX_URL_LENGTH = 8192
/** Longest host name of the DNS (RFC 1035). */
const MAX_HOST_LENGTH = 253
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001F\u007F]/
const SEVERAL_URLS = / +https?:\/\//i
const BLANK = barePhoto('', '')

/** Dataset column of each field; undefined for columns that the dataset does not have. */
export type Header = readonly (PhotoColumn | undefined)[]

/** The dataset's columns in its order. */
export const DATASET_HEADER = Object.keys(DATASET_COLUMNS) as readonly PhotoColumn[]

export function isPhotoColumn(name: string): name is PhotoColumn {
  return Object.hasOwn(PHOTO_COLUMNS, name)
}

export type ReadRow = { photo: Photo; warnings?: ValueWarning[] } | { problem: RowProblem }

/** Id and URL of a photo whose row has neither. */
export interface OwnPhoto {
  id: string
  url: string
}

/** Builds a typed photo from the fields of a row, or describes the problem of the row. */
export function readPhoto(fields: readonly string[], header: Header, own?: OwnPhoto): ReadRow {
  const miscount = problemOfCount(fields, header.length)
  if (miscount) return { problem: miscount }
  const photo: Photo = { ...BLANK }
  const values = photo as Record<PhotoColumn, ColumnScalar | null>
  let warnings: ValueWarning[] | undefined
  let imageUrl = ''
  for (let i = 0; i < fields.length; i++) {
    const column = header[i]
    let text = fields[i]!
    if (column === undefined || text === '') continue
    if (column === 'photo_id') {
      photo[column] = text.trim()
      continue
    }
    if (column === 'photo_image_url') {
      imageUrl = text.trim()
      photo[column] = withoutBlanks(imageUrl)
      continue
    }
    if (text.includes('\0')) {
      // Postgres cannot store NUL, and no column gives it a meaning.
      warnings = [...(warnings ?? []), { code: 'NUL_REMOVED', column, value: excerpt(text) }]
      text = text.replaceAll('\0', '')
      if (text === '') continue
    }
    const tooLong = problemOfLength(column, text)
    if (tooLong) return { problem: tooLong }
    const value = columnValue(column, text)
    if (value === undefined) warnings = [...(warnings ?? []), { code: 'BAD_VALUE', column, value: excerpt(text) }]
    else values[column] = value
  }
  if (own) {
    photo.photo_id = own.id
    photo.photo_image_url = own.url
  }
  const problem = own ? undefined : (problemOfId(photo.photo_id) ?? problemOfUrl(imageUrl))
  if (problem) return { problem }
  return warnings ? { photo, warnings } : { photo }
}

/** Largest absolute value of columns in degrees. */
const MAX_DEGREES: Partial<Record<PhotoColumn, number>> = {
  photo_location_latitude: 90,
  photo_location_longitude: 180,
  ai_primary_landmark_latitude: 90,
  ai_primary_landmark_longitude: 180,
}

/** The value of a text in its column; undefined when it does not fit. */
function columnValue(column: PhotoColumn, text: string): ColumnScalar | undefined {
  const value = parseValue(PHOTO_COLUMNS[column], text)
  const max = MAX_DEGREES[column]
  return max !== undefined && Math.abs(Number(value)) > max ? undefined : value
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

/** The URL with its blanks encoded, as browsers do it. */
export function withoutBlanks(url: string): string {
  return url.replaceAll(' ', '%20')
}

/**
 * The problem of an image URL in a file: only http and https are allowed, never a file of this machine. Blanks are
 * allowed after the host name.
 */
export function problemOfUrl(url: string): RowProblem | undefined {
  if (url === '') return { code: 'NO_URL', found: 'photo_image_url is empty' }
  if (isImageUrl(url)) return undefined
  const what = SEVERAL_URLS.test(url) ? 'more than one URL: ' : CONTROL.test(url) ? 'a control character: ' : ''
  return { code: 'NOT_A_URL', found: `${what}${excerpt(url)}` }
}

function isImageUrl(url: string): boolean {
  return (
    url.length <= MAX_URL_LENGTH &&
    /^https?:\/\//i.test(url) &&
    !CONTROL.test(url) &&
    !SEVERAL_URLS.test(url) &&
    URL.canParse(url) &&
    new URL(url).hostname.length <= MAX_HOST_LENGTH
  )
}
