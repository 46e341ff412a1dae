import type { DatasetRow, DatasetTableName } from '../domain/dataset-tables.js'
import { DATASET_TABLES } from '../domain/dataset-tables.js'
import { AppError } from '../domain/errors.js'
import type { TableRepository } from '../domain/ports/table-repository.js'
import type { TableSource } from './input/open-dataset-table.js'
import type { BadRow, Place } from './input/source.js'
import { PagedWrites } from './paged-writes.js'
import { InputTally, type RowCounts } from './queueing/input-tally.js'
import { RetryingProxy } from './queueing/retrying-proxy.js'
import { type OnWait, throwIfStopped } from './queueing/wait-reason.js'

/** Rows per statement; two such pages are in memory at most. */
const PAGE_ROWS = 5000

interface LoadCounts {
  table: DatasetTableName
  /** Rows that were inserted or changed. */
  written: number
  /** Rows that were in the database before. */
  unchanged: number
  /** Rows skipped because the database does not have their photos. */
  otherPhotos: number
}

export type LoadSummary = RowCounts & LoadCounts

export interface LoadOptions {
  /** Loads rows of photos that the database does not have, too. */
  allPhotos?: boolean
  /** Receives every bad row as it is found. */
  onBadRow?: (row: BadRow) => void
  /** Receives the summary so far, the same object every time. */
  onProgress?: (soFar: Readonly<LoadSummary>) => void
  onWait?: OnWait
  signal: AbortSignal
}

/**
 * Loads a table of the dataset. Repeating it changes nothing, so an interrupted load is finished by repeating it.
 * Reads one page while writing another.
 * Waits for a database that is away.
 * @param repository null: reads and counts only
 * @throws AppError NOT_FOUND when the database has no photos, INTERRUPTED; errors of the input and the database
 */
export async function loadTable(
  source: TableSource,
  repository: TableRepository | null,
  options: LoadOptions,
): Promise<LoadSummary> {
  const { signal, onWait = () => {} } = options
  const tables = repository && new RetryingProxy({ signal, onWait }).wrap(repository, 'database')
  const own: LoadCounts = { table: source.table, written: 0, unchanged: 0, otherPhotos: 0 }
  const tally = new InputTally(own, options.onBadRow)
  const { summary } = tally
  if (tables && !options.allPhotos && !(await tables.hasPhotos())) throw noPhotos(source.table)
  const pages = new PagedWrites<GoodRow>(PAGE_ROWS, async rows => {
    if (!tables) return
    const wanted = options.allPhotos ? rows : await ofKnownPhotos(rows, source.table, tables)
    const values = wanted.map(({ row }) => row)
    const { written, refused } = await tables.loadRows(source.table, values)
    for (const { index, reason } of refused) tally.refuse(wanted[index]!, reason)
    summary.written += written
    summary.unchanged += wanted.length - refused.length - written
    summary.otherPhotos += rows.length - wanted.length
    options.onProgress?.(summary)
  })
  try {
    for await (const read of source.rows()) {
      tally.count(read)
      if (read.row && pages.add(read)) await pages.next()
      if (summary.rows % PAGE_ROWS === 0) {
        throwIfStopped(options.signal, 'Stopped. What was loaded until here stays; the same command loads the rest.')
        options.onProgress?.(summary)
      }
    }
    await pages.writeRest()
  } finally {
    await pages.settled()
  }
  if (tables && summary.written > 0) await tables.finishLoad(source.table)
  return summary
}

type GoodRow = Place & { row: DatasetRow }

async function ofKnownPhotos(
  rows: readonly GoodRow[],
  table: DatasetTableName,
  tables: TableRepository,
): Promise<readonly GoodRow[]> {
  const position = Object.keys(DATASET_TABLES[table].columns).indexOf('photo_id')
  const known = await tables.knownPhotos([...new Set(rows.map(({ row }) => String(row[position])))])
  return rows.filter(({ row }) => known.has(String(row[position])))
}

function noPhotos(table: DatasetTableName): AppError {
  return new AppError(
    'NOT_FOUND',
    `${table} of the photos in the database were asked for, found no photo there. Ingest photos first, or load the rows of all photos with --all-photos.`,
  )
}
