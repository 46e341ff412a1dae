import { RequestError } from '../domain/errors.js'
import type { SearchOptions } from '../domain/ports/search.js'
import { cursorOf, parseCursor } from '../search/page-cursor.js'

/** Where a page begins: after a hit, or, of a hybrid search, after a number of hits. */
export type PageStart = { after: NonNullable<SearchOptions['after']> } | { offset: number }

const MAX_OFFSET = 10_000

/** An opaque text for clients: letters, digits, `-` and `_`. Null: behind the last page of a hybrid search. */
export function writeCursor(start: PageStart): string | null {
  if ('offset' in start && start.offset > MAX_OFFSET) return null
  const text = 'after' in start ? cursorOf(start.after) : String(start.offset)
  return Buffer.from(text).toString('base64url')
}

/**
 * Reads a cursor back.
 * @param isHybrid whether pages go by a number of hits
 * @throws RequestError REQUEST_UNPROCESSABLE
 */
export function readCursor(cursor: string, isHybrid: boolean): PageStart {
  const text = Buffer.from(cursor, 'base64url').toString()
  try {
    if (!isHybrid) return { after: parseCursor(text, 'cursor') }
    if (/^\d{1,5}$/.test(text) && Number(text) <= MAX_OFFSET) return { offset: Number(text) }
  } catch {
    // Answered below: a cursor is opaque, so its content is no help.
  }
  throw new RequestError('REQUEST_UNPROCESSABLE', 'The cursor belongs to no page of this search.', {
    field: 'cursor',
    expected: '`next` of a page of the same search',
    found: cursor,
    action: 'Pass `next` on unchanged, with the same other parameters.',
  })
}
