import type { DatasetRow, DatasetTableName } from '../dataset-tables.js'

/**
 * The dataset's tables beside the photos. Promises: every call is one transaction and may be repeated; the same rows again
 * change nothing; a known value is never replaced by an unknown one; any number of processes may load at once.
 */
export interface TableRepository {
  /** Whether there is any photo. */
  hasPhotos(): Promise<boolean>

  /** Those of the photos that the database has. */
  knownPhotos(photoIds: readonly string[]): Promise<Set<string>>

  /** @returns how many rows are new or changed */
  loadRows(table: DatasetTableName, rows: readonly DatasetRow[]): Promise<number>

  /** Tells the planner what was loaded. */
  finishLoad(table: DatasetTableName): Promise<void>
}
