import { AppError } from '../../domain/errors.js'
import type { QueryPart } from '../../domain/ports/prompts.js'
import type { Filter, Hit, LabelFilter } from '../../domain/ports/search.js'
import { SELECT_PHOTO, storable, toPhoto } from '../ingest/photo-rows.js'

/**
 * Columns and joins that complete hits: they follow `with hit as (select rank, photo_id, score, correction, …)`, with the
 * model's id as $1. Left joins keep every hit, and run the search also where there is nothing to join.
 */
export const HIT_COLUMNS = `
  hit.score, hit.correction, ${SELECT_PHOTO}, e.stored_key,
  (select jsonb_object_agg(l.set_name, jsonb_build_object('label', l.label, 'score', l.score))
     from photo_labels l where l.model_id = $1 and l.photo_id = hit.photo_id) as labels`
export const HIT_SOURCE = `
    from hit
    left join photos p on p.photo_id = hit.photo_id
    left join embeddings e on e.model_id = $1 and e.photo_id = hit.photo_id
   order by hit.rank`

export interface HitRow extends Record<string, unknown> {
  score: number
  correction: number | null
  photo_id: string
  stored_key: string | null
  labels: Hit['labels'] | null
}

export function toHit(row: HitRow): Hit {
  return {
    photoId: row.photo_id,
    score: row.score,
    correction: row.correction,
    photo: toPhoto(row),
    labels: row.labels ?? {},
    storedKey: row.stored_key,
  }
}

const MAX_INTEGER = 2 ** 31 - 1

/** @throws AppError USAGE for a value that is no whole number in the range of a Postgres integer */
export function requireIntegers(values: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(values))
    if (!Number.isInteger(value) || (value as number) > MAX_INTEGER)
      throw new AppError('USAGE', `${name} must be a whole number up to ${MAX_INTEGER}, found ${quoteValue(value)}`)
}

/** @throws AppError USAGE for a given value that is no finite number */
export function requireNumbers(values: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(values))
    if (value !== undefined && !Number.isFinite(value))
      throw new AppError('USAGE', `${name} must be a number, found ${quoteValue(value)}`)
}

/** JSON has no NaN, and a value of another type may not convert to text. */
function quoteValue(value: unknown): string {
  return typeof value === 'number' ? String(value) : JSON.stringify(value)
}

/** Returns the `labels` argument of the SQL functions. @throws AppError FILTER_INVALID */
export function labelsJson(labels: readonly LabelFilter[]): string {
  return json(labels.map(({ set, label, minScore }) => ({ set, label, min_score: minScore })))
}

/** Returns the `filters` argument of the SQL functions. @throws AppError FILTER_INVALID */
export function filtersJson(filters: readonly Filter[]): string {
  return json(
    filters.map(filter =>
      typeof filter === 'object' && 'shows' in filter ? { shows: shownJson(filter.shows) } : filter,
    ),
  )
}

/** Words as they are stored, or numbers. */
function shownJson(shows: string | Float32Array): string | number[] {
  return typeof shows === 'string' ? Buffer.from(storable(shows)).toString() : [...shows]
}

/** Rejects NUL and lone surrogates: Postgres accepts neither, so no stored value contains them. */
function json(conditions: readonly object[]): string {
  const text = JSON.stringify(conditions)
  if (!UNSTORABLE.test(text)) return text
  const wrong = conditions.find(condition => UNSTORABLE.test(JSON.stringify(condition)))!
  const named = 'column' in wrong ? wrong.column : 'set' in wrong ? wrong.set : Object.keys(wrong)[0]
  throw new AppError(
    'FILTER_INVALID',
    `the condition on ${quoteText(named)} expects text without NUL and lone surrogates, found one of them. Leave it out.`,
  )
}

/** In JSON: NUL, or half of a pair of surrogates. */
const UNSTORABLE = /\\u(0000|d[89a-f]..)/

/** A name as people read it: without what a terminal or a page does not show. */
function quoteText(name: unknown): string {
  return `"${storable(String(name)).replaceAll(/\p{C}/gu, '')}"`
}

/** Returns the argument of `combine`. Lone surrogates become U+FFFD, as the driver makes them; jsonb would reject them. */
export function partsJson(parts: readonly QueryPart[]): string {
  return JSON.stringify(parts, (_, value) => {
    if (value instanceof Float32Array) return [...value]
    return typeof value === 'string' ? Buffer.from(storable(value)).toString() : value
  })
}
