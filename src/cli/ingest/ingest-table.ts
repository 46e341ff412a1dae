import type { DatasetTableName } from '../../domain/dataset-tables.js'
import { formatCount, formatDuration, formatQuantity } from '../../domain/text/format.js'
import { openDatasetTable } from '../../producers/input/open-dataset-table.js'
import { type LoadSummary, loadTable } from '../../producers/load-table.js'
import type { Context } from '../context.js'
import { SOME_FAILED } from '../exit-codes.js'
import { Progress } from '../print/progress.js'
import { openBadRows } from './bad-rows-file.js'
import { describeRowCounts } from './ingest-report.js'
import { WaitNotices } from './wait-notices.js'

export interface IngestTableOptions {
  table: DatasetTableName
  inputs: string[]
  /** Include rows of photos that are not in the database. */
  allPhotos?: boolean
  dryRun?: boolean
  badRowsFile?: string
}

/** The command `ingest --table`: loads a table of the dataset other than the photos. @returns exit code */
export async function ingestTable({ app, out, signal }: Context, options: IngestTableOptions): Promise<number> {
  const source = await openDatasetTable(options.inputs, options.table)
  for (const warning of source.warnings) out.note(warning)
  const badRows = await openBadRows(options.badRowsFile)
  const progress = new Progress('load')
  try {
    const tables = options.dryRun ? null : (await app.repositories()).tables
    if (tables) await app.database.keepAlive()
    const summary = await loadTable(source, tables, {
      allPhotos: options.allPhotos,
      onBadRow: badRows.write,
      onProgress: ({ rows, written }) => {
        const rate = rows / Math.max(progress.seconds, 0.001)
        progress.write(
          `load: ${formatQuantity(rows, 'row')} read, ${formatCount(written)} written, ${formatCount(Math.round(rate))}/s`,
        )
      },
      onWait: new WaitNotices(out, progress).tell,
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

function describeLoad(
  summary: LoadSummary,
  seconds: number,
  { dryRun, allPhotos, badRowsFile }: IngestTableOptions,
): string {
  const { table, rows, badRows, written, unchanged, otherPhotos } = summary
  const lines = [
    `Read ${formatQuantity(rows, 'row')} of ${table} in ${formatDuration(seconds)}: ${formatQuantity(rows - badRows, 'good row')}, ${formatQuantity(badRows, 'bad row')}.`,
  ]
  if (!dryRun) lines.push(`Wrote ${formatQuantity(written, 'row')}; ${formatCount(unchanged)} were already there.`)
  if (!dryRun && !allPhotos && otherPhotos > 0)
    lines.push(
      `${formatQuantity(otherPhotos, 'row was', 'rows were')} left out, of photos that are not in the database; --all-photos loads them too. After adding photos, load the table again.`,
    )
  return [...lines, ...describeRowCounts(summary, badRowsFile)].join('\n')
}
