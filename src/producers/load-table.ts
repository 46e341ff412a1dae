import type { DatasetRow, DatasetTableName } from '../domain/dataset-tables.js'
import { DATASET_TABLES } from '../domain/dataset-tables.js'
import { AppError } from '../domain/errors.js'
import type { TableRepository } from '../domain/ports/table-repository.js'
import { throwIfStopped } from './hold.js'
import { InputTally, type RowCounts } from './input-tally.js'
import type { TableSource } from './open-dataset-table.js'
import type { BadRow } from './source.js'

/** Rows a statement; two such pages are all that is kept in memory. */
const PAGE_ROWS = 5000

interface LoadCounts {
  table: DatasetTableName
  /** Rows that are new in the database, or changed there. */
  written: number
  /** Rows that were there already. */
  unchanged: number
  /** Rows left out because the database does not have their photos. */
  otherPhotos: number
}

export type LoadSummary = RowCounts & LoadCounts

export interface LoadOptions {
  /** Also rows of photos that the database does not have. */
  allPhotos?: boolean
  /** Given every bad row as it is found. */
  onBadRow?: (row: BadRow) => void
  /** The summary so far; the object is the same every time. */
  onProgress?: (soFar: Readonly<LoadSummary>) => void
  signal: AbortSignal
}

/**
 * Loads a table of the dataset. Loading the same files again changes nothing, so what was interrupted is finished by doing it
 * again. While one page is written the next one is read.
 * @param tables null: read and count only
 * @throws AppError NOT_FOUND when the database has no photos, INTERRUPTED; what reading and the database throw
 */
export async function loadTable(
  source: TableSource,
  tables: TableRepository | null,
  options: LoadOptions,
): Promise<LoadSummary> {
  const own: LoadCounts = { table: source.table, written: 0, unchanged: 0, otherPhotos: 0 }
  const tally = new InputTally(own, options.onBadRow)
  const { summary } = tally
  if (tables && !options.allPhotos && !(await tables.hasPhotos())) throw noPhotos(source.table)
  const pages = new Pages(async rows => {
    if (!tables) return
    const wanted = options.allPhotos ? rows : await ofKnownPhotos(rows, source.table, tables)
    const written = await tables.loadRows(source.table, wanted)
    summary.written += written
    summary.unchanged += wanted.length - written
    summary.otherPhotos += rows.length - wanted.length
    options.onProgress?.(summary)
  })
  try {
    for await (const read of source.rows()) {
      tally.count(read)
      if (read.row && pages.add(read.row)) await pages.turn()
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

/** One page is filled while the one before is written. */
class Pages {
  private page: DatasetRow[] = []
  private written: Promise<void> = Promise.resolve()

  constructor(private readonly write: (rows: readonly DatasetRow[]) => Promise<void>) {}

  /** @returns whether the page is full */
  add(row: DatasetRow): boolean {
    return this.page.push(row) >= PAGE_ROWS
  }

  /** Writes the page when the one before is written. */
  async turn(): Promise<void> {
    await this.written
    const rows = this.page
    this.page = []
    this.written = this.write(rows)
    // It is told by the next call; until then nobody listens.
    this.written.catch(() => {})
  }

  async writeRest(): Promise<void> {
    await this.turn()
    await this.written
  }

  /** Waits for what is under way, however it ends: `turn` and `writeRest` tell. */
  async settled(): Promise<void> {
    await this.written.catch(() => {})
  }
}

async function ofKnownPhotos(
  rows: readonly DatasetRow[],
  table: DatasetTableName,
  tables: TableRepository,
): Promise<readonly DatasetRow[]> {
  const position = Object.keys(DATASET_TABLES[table].columns).indexOf('photo_id')
  const known = await tables.knownPhotos([...new Set(rows.map(row => String(row[position])))])
  return rows.filter(row => known.has(String(row[position])))
}

function noPhotos(table: DatasetTableName): AppError {
  return new AppError(
    'NOT_FOUND',
    `${table} of the photos in the database were asked for, found no photo there. Ingest photos first, or load the rows of all photos with --all-photos.`,
  )
}
