import type { DatasetTableName } from '../domain/dataset-tables.js'
import { type LoadSummary, loadTable } from '../producers/load-table.js'
import { openDatasetTable } from '../producers/open-dataset-table.js'
import { openBadRows } from './bad-rows-file.js'
import type { Context } from './context.js'
import { describeRowCounts } from './ingest-report.js'
import { formatCount, formatDuration } from './output.js'
import { Progress } from './progress.js'

export interface IngestTableOptions {
  table: DatasetTableName
  inputs: string[]
  /** Also rows of photos that the database does not have. */
  allPhotos?: boolean
  dryRun?: boolean
  badRowsFile?: string
}

const SOME_FAILED = 3

/** `ingest --table`: loads a table of the dataset beside the photos. @returns exit code */
export async function ingestTable({ app, out, signal }: Context, options: IngestTableOptions): Promise<number> {
  const source = await openDatasetTable(options.inputs, options.table)
  for (const warning of source.warnings) out.note(warning)
  const badRows = openBadRows(options.badRowsFile)
  const progress = new Progress('load')
  try {
    const tables = options.dryRun ? null : (await app.repositories()).tables
    if (tables) await app.keepDatabaseAlive()
    const summary = await loadTable(source, tables, {
      allPhotos: options.allPhotos,
      onBadRow: badRows.write,
      onProgress: ({ rows, written }) => {
        const rate = rows / Math.max(progress.seconds, 0.001)
        progress.write(
          `load: ${formatCount(rows)} rows read, ${formatCount(written)} written, ${formatCount(Math.round(rate))}/s`,
        )
      },
      signal,
    })
    const seconds = progress.end()
    out.result({ ...summary, seconds, dryRun: options.dryRun }, describeLoad(summary, seconds, options))
    return summary.badRows > 0 ? SOME_FAILED : 0
  } finally {
    progress.end()
    await badRows.close()
    source.close()
  }
}

function describeLoad(summary: LoadSummary, seconds: number, { dryRun, allPhotos }: IngestTableOptions): string {
  const { table, rows, badRows, written, unchanged, otherPhotos } = summary
  const lines = [
    `Read ${formatCount(rows)} rows of ${table} in ${formatDuration(seconds)}: ${formatCount(rows - badRows)} good ones, ${formatCount(badRows)} bad rows.`,
  ]
  if (!dryRun) lines.push(`Wrote ${formatCount(written)}; ${formatCount(unchanged)} were there already.`)
  if (!dryRun && !allPhotos && otherPhotos > 0)
    lines.push(
      `${formatCount(otherPhotos)} belong to photos that are not in the database and were left out; --all-photos loads them too. When photos are added, load the table again.`,
    )
  return [...lines, ...describeRowCounts(summary)].join('\n')
}
