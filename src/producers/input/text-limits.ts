import { excerpt, type RowProblem } from './source.js'

/**
 * Longest text of each column in an index, in UTF-16 units of at most three bytes each. An index entry of Postgres
 * holds 2,704 bytes; the widest one here, of `photo_conversions`, comes to 2,540.
 */
const MAX_LENGTHS: Readonly<Record<string, number>> = {
  photographer_username: 400,
  photo_location_country: 400,
  keyword: 400,
  collection_id: 64,
  collection_title: 400,
  anonymous_user_id: 128,
  conversion_type: 64,
  conversion_country: 64,
  device_type: 48,
  search_orientation_filter: 48,
  search_ordering: 48,
}

/** The problem of a text that is longer than the indexes of its column hold. */
export function problemOfLength(column: string, text: string): RowProblem | undefined {
  const longest = MAX_LENGTHS[column]
  if (longest === undefined || text.length <= longest) return undefined
  return {
    code: 'VALUE_TOO_LONG',
    found: `${column}: ${text.length} characters instead of at most ${longest}, ${excerpt(text, 40)}`,
  }
}
