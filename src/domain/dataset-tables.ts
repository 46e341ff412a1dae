import type { ColumnType } from './photo.js'

export interface DatasetTable {
  /** In the order of the dataset. */
  readonly columns: Readonly<Record<string, ColumnType>>
  /** What a row is told by when it comes again. */
  readonly key: readonly string[]
  /** Those of the key that are never empty. */
  readonly required: readonly string[]
  /** Other names of a column, by name: releases differ from each other and from their documentation. */
  readonly aliases?: Readonly<Record<string, string>>
}

/**
 * The tables of the Unsplash dataset that describe its photos, beside the photos themselves
 * (https://github.com/unsplash/datasets/blob/master/DOCS.md). In Postgres they are called `photo_…`.
 */
export const DATASET_TABLES = {
  keywords: {
    columns: {
      photo_id: 'text',
      keyword: 'text',
      ai_service_1_confidence: 'number',
      ai_service_2_confidence: 'number',
      suggested_by_user: 'boolean',
    },
    key: ['photo_id', 'keyword'],
    required: ['photo_id', 'keyword'],
  },
  collections: {
    columns: {
      photo_id: 'text',
      collection_id: 'text',
      collection_title: 'text',
      photo_collected_at: 'timestamp',
    },
    key: ['photo_id', 'collection_id'],
    required: ['photo_id', 'collection_id'],
  },
  colors: {
    columns: {
      photo_id: 'text',
      hex: 'text',
      red: 'integer',
      green: 'integer',
      blue: 'integer',
      keyword: 'text',
      ai_coverage: 'number',
      ai_score: 'number',
    },
    key: ['photo_id', 'hex'],
    required: ['photo_id', 'hex'],
    aliases: { coverage: 'ai_coverage', score: 'ai_score' },
  },
  conversions: {
    columns: {
      converted_at: 'timestamp',
      conversion_type: 'text',
      keyword: 'text',
      photo_id: 'text',
      anonymous_user_id: 'text',
      conversion_country: 'text',
    },
    // No id was published with them: rows equal in every column are one.
    key: ['photo_id', 'converted_at', 'anonymous_user_id', 'keyword', 'conversion_type', 'conversion_country'],
    required: ['photo_id', 'converted_at'],
  },
} as const satisfies Record<string, DatasetTable>

export type DatasetTableName = keyof typeof DATASET_TABLES
export const DATASET_TABLE_NAMES = Object.keys(DATASET_TABLES) as readonly DatasetTableName[]

/** One row: its values in the order of the table's columns; null: unknown. A timestamp is the dataset's text. */
export type DatasetRow = readonly (string | number | boolean | null)[]
