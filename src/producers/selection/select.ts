import type { WhereFilter } from '../../domain/where/parse-where.js'
import type { BadRow, PhotoRow, SourceRow } from '../input/source.js'
import { IdSet } from './id-set.js'
import { Sample } from './sample.js'
import { matches } from './where.js'

export interface Selection {
  /** All must hold. */
  where?: readonly WhereFilter[]
  /** Number of photos to sample; undefined: all. */
  sample?: number
  /** Seed of the sample; default: 0. */
  seed?: number
  /** Maximum number of photos, of the sample if there is one, else the first ones; reading ends with them. */
  limit?: number
}

/**
 * Selects photos: marks rows with a known id as bad, then applies `where`, `sample` and `limit`. A file with the content
 * of an earlier one is a copy: it counts neither as bad nor towards the limit. Memory grows with the sample and by about
 * 20 bytes per row, for the known ids (see {@link IdSet}).
 * @param onRow called for every row read, selected or not, duplicates marked as bad
 */
export async function* select(
  rows: AsyncIterable<SourceRow>,
  { where = [], sample: size, seed = 0, limit = Number.POSITIVE_INFINITY }: Selection,
  onRow: (row: SourceRow) => void,
): AsyncGenerator<PhotoRow> {
  const seen = new IdSet()
  const sample = size === undefined ? undefined : new Sample<PhotoRow>(size, seed)
  let taken = 0
  if (limit <= 0) return
  for await (const row of rows) {
    if (row.problem) {
      onRow(row)
      continue
    }
    if (!seen.add(row.photo.photo_id)) {
      const isCopy = row.path !== undefined
      onRow(isCopy ? row : duplicate(row))
      if (isCopy && !sample && matches(row.photo, where)) yield { ...row, isCopy }
      continue
    }
    onRow(row)
    if (!matches(row.photo, where)) continue
    if (sample) sample.offer(row.photo.photo_id, row)
    else {
      yield row
      if (++taken >= limit) return
    }
  }
  if (sample) yield* sample.items().slice(0, limit)
}

function duplicate({ line, part, photo }: PhotoRow): BadRow {
  return { line, part, problem: { code: 'DUPLICATE_ID', found: photo.photo_id } }
}
