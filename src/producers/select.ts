import { IdSet } from './id-set.js'
import { Sample } from './sample.js'
import type { BadRow, PhotoRow, SourceRow } from './source.js'
import { type Condition, matches } from './where.js'

export interface Selection {
  /** All have to hold. */
  where?: readonly Condition[]
  /** Number of photos to take at random; all when absent. */
  sample?: number
  /** Another seed, another sample. 0 when absent. */
  seed?: number
  /** At most so many photos: of the sample if there is one, else the first ones; reading ends with them. */
  limit?: number
}

/**
 * Chooses photos: rows of an id seen before are bad rows; then `where`, then `sample`, then `limit`. Memory grows by the
 * size of the sample and by about 20 bytes a row, for the ids seen (see {@link IdSet}).
 * @param onRow called for every row read, chosen or not, duplicates already marked as bad rows
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
      onRow(duplicate(row))
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
