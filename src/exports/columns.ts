import { type ColumnType, PHOTO_COLUMNS, type PhotoColumn } from '../domain/photo.js'
import type { VectorPage } from '../domain/ports/vectors/vector-repository.js'

export type ColumnValue = string | number | boolean | null

/** A column of the exported rows. */
export interface Column {
  name: string
  type: ColumnType
  /** The value of the photo at this index of a page; null: unknown. */
  valueOf(page: VectorPage, index: number): ColumnValue
}

export const PHOTO_ID: Column = { name: 'photo_id', type: 'text', valueOf: ({ ids }, i) => ids[i]! }
export const STORED_KEY: Column = { name: 'stored_key', type: 'text', valueOf: ({ storedKeys }, i) => storedKeys[i]! }

/** Columns of an export of photos: their id, metadata, and two for each label set. */
export function exportColumns(options: {
  photoColumns: readonly PhotoColumn[]
  labelSets: readonly string[]
  /** Similarity to the query by photo; null: there is no query. */
  scores: ReadonlyMap<string, number> | null
}): Column[] {
  const { photoColumns, labelSets, scores } = options
  return [
    PHOTO_ID,
    ...(scores === null ? [] : [scoreColumn(scores)]),
    ...photoColumns.filter(name => name !== 'photo_id').map(photoColumn),
    // Prefixes, because a label set may have the name of another column.
    ...labelSets.flatMap(labelColumns),
    STORED_KEY,
  ]
}

const scoreColumn = (scores: ReadonlyMap<string, number>): Column => ({
  name: 'score',
  type: 'number',
  valueOf: ({ ids }, i) => scores.get(ids[i]!) ?? null,
})

const photoColumn = (name: PhotoColumn): Column => ({
  name,
  type: PHOTO_COLUMNS[name],
  valueOf: ({ photos }, i) => photos[i]![name] ?? null,
})

const labelColumns = (set: string): Column[] => [
  { name: `label_${set}`, type: 'text', valueOf: ({ labels }, i) => labels[i]![set]?.label ?? null },
  { name: `score_${set}`, type: 'number', valueOf: ({ labels }, i) => labels[i]![set]?.score ?? null },
]
