import { type ModelIdentity, modelKey } from '../../domain/model.js'
import { formatCount, formatDuration, formatQuantity } from '../../domain/text/format.js'
import type { ImportSummary } from '../../imports/import-vectors.js'
import { describeRowCounts } from '../ingest/ingest-report.js'

/** Counts of an import, as text for people. */
export function describeImport(
  summary: ImportSummary,
  model: ModelIdentity,
  seconds: number,
  { dryRun = false, badRowsFile }: { dryRun?: boolean; badRowsFile?: string },
): string {
  const { rows, badRows, added, replaced, unchanged, scaled, alreadyWritten } = summary
  const lines = [
    `Read ${formatQuantity(rows, 'row')} in ${formatDuration(seconds)}: ${formatQuantity(rows - badRows, 'vector')} of ${model.dimension} numbers, ${formatQuantity(badRows, 'bad row')}.`,
  ]
  if (!dryRun)
    lines.push(
      `Imported as vectors of ${modelKey(model)}: ${formatCount(added)} new, ${formatCount(replaced)} replaced, ${formatCount(unchanged)} unchanged.`,
    )
  if (alreadyWritten > 0)
    lines.push(`${formatCount(alreadyWritten)} were written before the import was stopped, and only checked again.`)
  if (scaled > 0)
    lines.push(`${formatQuantity(scaled, 'vector was', 'vectors were')} not of unit length and scaled to it.`)
  return [...lines, ...describeRowCounts(summary, badRowsFile)].join('\n')
}

/** What to do next, for people. @param isSearched whether searches that name no model use this one */
export function nextSteps(key: string, isSearched: boolean): string {
  const search = isSearched
    ? `Searches use ${key}.`
    : `Searches use another model: add --model ${key}, or choose it for all: unsplash-clip models use ${key}`
  return `${search} Above some 100,000 photos, build an index: unsplash-clip index build`
}
