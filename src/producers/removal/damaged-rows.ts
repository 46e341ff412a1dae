import { hasPlaces, type RowProblemCode, type SourceKind } from '../input/source.js'
import type { RowCounts } from '../queueing/input-tally.js'

/** Problems of rows whose photo is known all the same. */
const KNOWN_PHOTO: ReadonlySet<string> = new Set<RowProblemCode>(['DUPLICATE_ID', 'REFUSED'])

/** A removal that did not take place, since photos that the input lacks may be those of its damaged rows. */
export interface DamagedInput {
  isRefused: true
  damagedRows: number
}

/** @returns null for an input that tells all of its photos. Of a folder the file system tells which files are gone, of a bucket the listing. */
export function damagedInput(
  { kind }: { kind: SourceKind },
  { badRowsByProblem }: Pick<RowCounts, 'badRowsByProblem'>,
): DamagedInput | null {
  if (hasPlaces(kind)) return null
  const damagedRows = Object.entries(badRowsByProblem)
    .filter(([code]) => !KNOWN_PHOTO.has(code))
    .reduce((sum, [, count]) => sum + count, 0)
  return damagedRows > 0 ? { isRefused: true, damagedRows } : null
}
