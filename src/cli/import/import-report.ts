import { type ModelIdentity, modelKey } from '../../domain/model.js'
import { formatCount, formatDuration, formatQuantity } from '../../domain/text/format.js'
import type { ImportSummary } from '../../imports/import-vectors.js'
import { describeRowCounts } from '../ingest/ingest-report.js'

/** Names in a sentence. */
const MOST_NAMES = 10

/** Counts of an import, as text for people. @param leftOut columns of the input of which nothing is kept */
export function describeImport(
  summary: ImportSummary,
  model: ModelIdentity,
  seconds: number,
  { dryRun = false, badRowsFile, leftOut }: { dryRun?: boolean; badRowsFile?: string; leftOut: readonly string[] },
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
  if (leftOut.length > 0) lines.push(describeLeftOut(leftOut))
  return [...lines, ...describeRowCounts(summary, badRowsFile)].join('\n')
}

function describeLeftOut(columns: readonly string[]): string {
  const more = columns.length > MOST_NAMES ? ` and ${columns.length - MOST_NAMES} more` : ''
  const labels = columns.some(name => name.startsWith('label_'))
    ? ' Labels follow from the vectors: unsplash-clip labels predict'
    : ''
  return `Left out, since no metadata of photos: ${columns.slice(0, MOST_NAMES).join(', ')}${more}.${labels}`
}

/** What to do next, for people. @param isSearched whether searches that name no model use this one */
export function nextSteps(key: string, isSearched: boolean): string {
  const search = isSearched
    ? `Searches use ${key}.`
    : `Searches use another model: add --model ${key}, or choose it for all: unsplash-clip models use ${key}`
  return `${search} Above some 100,000 photos, build an index: unsplash-clip index build`
}
