import type { ColumnType } from './photo.js'

export interface DatasetTable {
  /** In the order of the dataset. */
  readonly columns: Readonly<Record<string, ColumnType>>
  /** Columns that identify a row when it is loaded again. */
  readonly key: readonly string[]
  /** Key columns that are never empty. */
  readonly required: readonly string[]
  /** Columns that releases before 1.4.0 do not have. An input without them lacks nothing. */
  readonly sinceRelease140?: readonly string[]
  /** Other names per column: releases differ from each other and from their documentation. */
  readonly aliases?: Readonly<Record<string, string>>
}

/**
 * The tables of the Unsplash dataset that describe its photos, without the photos themselves
 * (https://github.com/unsplash/datasets/blob/master/DOCS.md). Their names in Postgres are `photo_…`.
 */
export const DATASET_TABLES = {
  keywords: {
    columns: {
      photo_id: 'text',
      keyword: 'text',
      ai_service_1_confidence: 'number',
      ai_service_2_confidence: 'number',
      suggested_by_user: 'boolean',
      user_suggestion_source: 'text',
      suggested_by_ai_service_3: 'boolean',
      confirmed_by_ai_service_3: 'boolean',
    },
    key: ['photo_id', 'keyword'],
    required: ['photo_id', 'keyword'],
    sinceRelease140: ['user_suggestion_source', 'suggested_by_ai_service_3', 'confirmed_by_ai_service_3'],
  },
  collections: {
    columns: {
      photo_id: 'text',
      collection_id: 'text',
      collection_title: 'text',
      photo_collected_at: 'timestamp',
      collection_type: 'text',
    },
    key: ['photo_id', 'collection_id'],
    required: ['photo_id', 'collection_id'],
    sinceRelease140: ['collection_type'],
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
      device_type: 'text',
      search_orientation_filter: 'text',
      search_ordering: 'text',
    },
    // The dataset has no ids for these rows: rows that are equal in every column count as one.
    key: [
      'photo_id',
      'converted_at',
      'anonymous_user_id',
      'keyword',
      'conversion_type',
      'conversion_country',
      'device_type',
      'search_orientation_filter',
      'search_ordering',
    ],
    required: ['photo_id', 'converted_at'],
    sinceRelease140: ['device_type', 'search_orientation_filter', 'search_ordering'],
  },
} as const satisfies Record<string, DatasetTable>

export type DatasetTableName = keyof typeof DATASET_TABLES
export const DATASET_TABLE_NAMES = Object.keys(DATASET_TABLES) as readonly DatasetTableName[]

/** One row: its values in the order of the table's columns. Null: unknown. A timestamp is the dataset's text. */
export type DatasetRow = readonly (string | number | boolean | null)[]
