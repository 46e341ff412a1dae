import { createHash } from 'node:crypto'
import { serialize } from 'node:v8'
import { RequestError } from '../domain/errors.js'
import type { SearchOptions } from '../domain/ports/search.js'
import { cursorOf, parseCursor } from '../search/page-cursor.js'

/** Where a page begins: after a hit, or, of a hybrid search, after a number of hits. */
export type PageStart = { after: NonNullable<SearchOptions['after']> } | { offset: number }

const MAX_OFFSET = 10_000
const KEY_LENGTH = 8

/**
 * Tells the pages of one list from those of others: of another query, model, order or condition.
 * @param parts all that decides which photos the list has, and their order
 */
export function listKey(...parts: unknown[]): string {
  return createHash('sha256').update(serialize(parts)).digest('base64url').slice(0, KEY_LENGTH)
}

/**
 * An opaque text for clients: letters, digits, `-` and `_`. Null: behind the last page of a hybrid search.
 * @param list whose page it is, from `listKey`
 */
export function writeCursor(start: PageStart, list: string): string | null {
  if ('offset' in start && start.offset > MAX_OFFSET) return null
  const text = 'after' in start ? cursorOf(start.after) : String(start.offset)
  return Buffer.from(list + text).toString('base64url')
}

/**
 * Reads a cursor back.
 * @param isHybrid whether pages go by a number of hits
 * @param list that it must belong to, from `listKey`
 * @throws RequestError REQUEST_UNPROCESSABLE
 */
export function readCursor(cursor: string, isHybrid: boolean, list: string): PageStart {
  const decoded = Buffer.from(cursor, 'base64url').toString()
  const text = decoded.slice(KEY_LENGTH)
  try {
    if (decoded.startsWith(list)) {
      if (!isHybrid) return { after: parseCursor(text, 'cursor') }
      if (/^\d{1,5}$/.test(text) && Number(text) <= MAX_OFFSET) return { offset: Number(text) }
    }
  } catch {
    // Answered below: a cursor is opaque, so its content is no help.
  }
  throw new RequestError('REQUEST_UNPROCESSABLE', 'The cursor belongs to no page of this search.', {
    field: 'cursor',
    expected: '`next` of a page of the same search',
    found: cursor,
    action: 'Pass `next` on unchanged, with the same other parameters. Only the number of hits may change.',
  })
}
