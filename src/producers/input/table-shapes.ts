import {
  DATASET_TABLE_NAMES,
  DATASET_TABLES,
  type DatasetTable,
  type DatasetTableName,
} from '../../domain/dataset-tables.js'
import type { PhotoColumn } from '../../domain/photo.js'
import { DATASET_HEADER, isPhotoColumn } from './photo-row.js'

/** Shape by which the header of a dataset table is recognised. */
export interface TableShape<C extends string = string> {
  readonly name: 'photos' | DatasetTableName
  /** In the order of the dataset. */
  readonly columns: readonly C[]
  /** The key columns. */
  readonly required: readonly C[]
  /** Columns whose absence is worth no warning. */
  readonly optional: readonly C[]
  /** Column of a name in a header; undefined: none of this table. */
  columnOf(name: string): C | undefined
}

export const PHOTOS: TableShape<PhotoColumn> = {
  name: 'photos',
  columns: DATASET_HEADER,
  required: ['photo_id', 'photo_image_url'],
  optional: [],
  columnOf: name => (isPhotoColumn(name) ? name : undefined),
}

export function shapeOf(name: DatasetTableName): TableShape {
  const { columns, required, sinceRelease140: optional = [], aliases = {} }: DatasetTable = DATASET_TABLES[name]
  const names = Object.keys(columns)
  const byName = new Map([...names.map(column => [column, column] as const), ...Object.entries(aliases)])
  return { name, columns: names, required, optional, columnOf: header => byName.get(header) }
}

const SHAPES = [PHOTOS, ...DATASET_TABLE_NAMES.map(shapeOf)]

/**
 * The other table that a header belongs to. Photos, keywords and colors share column names, so the table with the
 * most of them wins. @returns undefined when none has more than the requested table, or than it needs
 */
export function looksLikeAnother(names: readonly string[], wanted: TableShape): TableShape | undefined {
  const columnsIn = (shape: TableShape) => new Set(names.map(name => shape.columnOf(name)).filter(Boolean))
  const own = columnsIn(wanted)
  const isWanted = wanted.required.every(column => own.has(column))
  const [best] = SHAPES.filter(shape => shape.name !== wanted.name)
    .map(shape => ({ shape, columns: columnsIn(shape) }))
    .filter(({ shape, columns }) => shape.required.every(column => columns.has(column)))
    .sort((a, b) => b.columns.size - a.columns.size)
  return best !== undefined && (!isWanted || best.columns.size > own.size) ? best.shape : undefined
}
