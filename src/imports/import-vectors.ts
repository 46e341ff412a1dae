import type { Photo, PhotoColumn } from '../domain/photo.js'
import type { ImportRepository, VectorImport } from '../domain/ports/vectors/import-repository.js'
import type { BadRow, Place } from '../producers/input/source.js'
import { PagedWrites } from '../producers/paged-writes.js'
import { InputTally, type RowCounts } from '../producers/queueing/input-tally.js'
import { RetryingProxy } from '../producers/queueing/retrying-proxy.js'
import { type OnWait, throwIfStopped } from '../producers/queueing/wait-reason.js'
import { IdSet } from '../producers/selection/id-set.js'
import { type CheckedVector, checkVector } from './check-vector.js'
import type { VectorInputOptions, VectorSource } from './vector-source.js'

/** Bytes of the vectors of a page; two pages are in memory at most. */
const PAGE_BYTES = 4 << 20
const MOST_PAGE_ROWS = 5000
/** Rows between two looks at the signal. */
const ROWS_PER_LOOK = 1000

interface ImportCounts {
  /** Photos that had no vector of the model. */
  added: number
  /** Photos that had another vector of the model. */
  replaced: number
  /** Photos that had the same vector. */
  unchanged: number
  /** Vectors that did not have unit length and were scaled. */
  scaled: number
  /** Good rows that an earlier import of the same input had written before it was stopped. */
  alreadyWritten: number
}

export type ImportSummary = RowCounts & ImportCounts

export interface ImportOptions extends VectorInputOptions {
  /** Receives every bad row as it is found. */
  onBadRow?: (row: BadRow) => void
  /** Receives the summary so far, the same object every time. */
  onProgress?: (soFar: Readonly<ImportSummary>) => void
  onWait?: OnWait
  signal: AbortSignal
}

interface GoodRow extends Place {
  photo: Photo
  columns: readonly PhotoColumn[]
  halves: Uint16Array
  /** Rows of the input up to this one. */
  rowsDone: number
}

/**
 * Writes the vectors of an input. Repeating it changes nothing; one that was stopped continues, and reads and checks what
 * is written without writing it again. Reads one page while writing another. Waits for a database that is away.
 * @param target null: reads, checks and counts only
 * @throws AppError INTERRUPTED; errors of the input and the database
 */
export async function importVectors(
  source: VectorSource,
  target: { repository: ImportRepository; import: VectorImport } | null,
  options: ImportOptions,
): Promise<ImportSummary> {
  const { signal, onWait = () => {}, dimension } = options
  const repository = target && new RetryingProxy({ signal, onWait }).wrap(target.repository, 'database')
  const tally = new InputTally<ImportCounts>(
    { added: 0, replaced: 0, unchanged: 0, scaled: 0, alreadyWritten: 0 },
    options.onBadRow,
  )
  const { summary } = tally
  const written = repository ? await repository.begin(target!.import) : 0
  const pageRows = Math.min(MOST_PAGE_ROWS, Math.max(1, Math.floor(PAGE_BYTES / (2 * dimension))))
  const pages = new PagedWrites<GoodRow>(pageRows, async rows => {
    if (repository === null || rows.length === 0) return
    const outcome = await repository.write(target!.import, pageOf(rows, dimension))
    for (const { index, reason } of outcome.refused) tally.refuse(rows[index]!, reason)
    summary.added += outcome.added
    summary.replaced += outcome.replaced
    summary.unchanged += rows.length - outcome.refused.length - outcome.added - outcome.replaced
    options.onProgress?.(summary)
  })
  const seen = new IdSet()
  try {
    for await (const row of source.rows()) {
      const checked = checkVector(row, seen, options)
      tally.count(checked)
      if (checked.problem === undefined) {
        if (checked.isScaled) summary.scaled++
        if (summary.rows <= written) summary.alreadyWritten++
        else if (pages.add(goodRow(checked, summary.rows))) await pages.next()
      }
      if (summary.rows % ROWS_PER_LOOK === 0) {
        throwIfStopped(signal, 'Stopped. What was imported until here stays; the same command continues there.')
        options.onProgress?.(summary)
      }
    }
    await pages.writeRest()
  } finally {
    await pages.settled()
  }
  await repository?.finish(target!.import)
  return summary
}

function goodRow(checked: Extract<CheckedVector, { photo: Photo }>, rowsDone: number): GoodRow {
  const { line, part, photo, columns, halves } = checked
  return { line, part, photo, columns, halves, rowsDone }
}

function pageOf(rows: readonly GoodRow[], dimension: number) {
  const halves = new Uint16Array(rows.length * dimension)
  for (const [i, row] of rows.entries()) halves.set(row.halves, i * dimension)
  return {
    photos: rows.map(({ photo }) => photo),
    columns: new Set(rows.flatMap(({ columns }) => columns)),
    halves,
    rowsDone: rows.at(-1)!.rowsDone,
  }
}
