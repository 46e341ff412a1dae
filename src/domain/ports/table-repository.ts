import type { DatasetRow, DatasetTableName } from '../dataset-tables.js'
import type { RefusedRow } from './repository.js'

/**
 * The dataset's tables that describe photos. Promises: every call is one transaction and may be repeated; loading the
 * same rows again changes nothing; an unknown value never replaces a known one; any number of processes may load at
 * once.
 */
export interface TableRepository {
  /** Whether the database has any photo. */
  hasPhotos(): Promise<boolean>

  /** Returns the given ids that the database has. */
  knownPhotos(photoIds: readonly string[]): Promise<Set<string>>

  /**
   * Inserts or updates rows. If the database refuses some, the others are written in several transactions.
   * @returns the number of new or changed rows, and the refused ones
   */
  loadRows(table: DatasetTableName, rows: readonly DatasetRow[]): Promise<{ written: number; refused: RefusedRow[] }>

  /** Updates the planner's statistics after a load. */
  finishLoad(table: DatasetTableName): Promise<void>
}
