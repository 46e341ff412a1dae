import type { Photo, PhotoColumn } from '../domain/photo.js'
import { excerpt, type Place, type RowProblem, type ValueWarning } from '../producers/input/source.js'
import type { IdSet } from '../producers/selection/id-set.js'
import { photoOfRecord } from './photo-of-record.js'
import { toUnitHalves } from './unit-half.js'
import type { VectorInputOptions, VectorRow } from './vector-source.js'

/** A row that is fit to be stored, or the problem with it. */
export type CheckedVector = Place &
  (
    | {
        photo: Photo
        columns: PhotoColumn[]
        /** Bits of the unit vector in half precision, [dimension]. */
        halves: Uint16Array
        isScaled: boolean
        warnings?: ValueWarning[]
        problem?: undefined
      }
    | { problem: RowProblem; photo?: undefined }
  )

/** @param seen ids of the good rows before; receives the id of this one */
export function checkVector(
  row: VectorRow,
  seen: IdSet,
  { dimension, idColumn }: Pick<VectorInputOptions, 'dimension' | 'idColumn'>,
): CheckedVector {
  const { line, part } = row
  const place = { line, part }
  if (row.problem) return { ...place, problem: row.problem }
  const of = photoOfRecord(row.record, row.id, idColumn)
  if ('problem' in of) return { ...place, problem: of.problem }
  const id = of.photo.photo_id
  const bad = (code: RowProblem['code'], found: string): CheckedVector => ({
    ...place,
    problem: { code, found: `${found}, of ${id}` },
  })
  if (row.vector === null) return bad('NO_VECTOR', 'nothing')
  if (row.vector.length !== dimension)
    return bad('WRONG_DIMENSION', `${row.vector.length} numbers instead of ${dimension}`)
  const halves = new Uint16Array(dimension)
  const outcome = toUnitHalves(row.vector, halves)
  if (outcome === 'NOT_FINITE') return bad(outcome, firstNotFinite(row.vector))
  if (outcome === 'ZERO_VECTOR') return bad(outcome, `${dimension} zeros`)
  if (!seen.add(id)) return { ...place, problem: { code: 'DUPLICATE_ID', found: excerpt(id) } }
  return { ...place, ...of, halves, isScaled: outcome === 'scaled' }
}

function firstNotFinite(vector: ArrayLike<number>): string {
  for (let i = 0; i < vector.length; i++) if (!Number.isFinite(vector[i])) return `${vector[i]} as number ${i + 1}`
  return 'a number that is not finite'
}
