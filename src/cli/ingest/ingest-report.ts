import { explainFailure } from '../../domain/errors.js'
import type { FailureGroup } from '../../domain/ports/repository.js'
import type { RefreshCount } from '../../domain/ports/run-repository.js'
import { formatCount, formatDuration, formatQuantity } from '../../domain/text/format.js'
import { ROW_PROBLEMS, type RowProblemCode } from '../../producers/input/source.js'
import { describeSkipped, type SkippedFiles } from '../../producers/places/choose-files.js'
import type { EnqueueSummary } from '../../producers/queueing/enqueue.js'
import type { RowCounts } from '../../producers/queueing/input-tally.js'
import type { DamagedInput } from '../../producers/removal/damaged-rows.js'
import type { SyncOutcome } from '../../producers/removal/sync.js'
import { shorten, table } from '../print/output.js'
import { fileName, filePath, placeLine } from '../print/photo-place.js'

/** Counts of rows and photos, as text for people. */
export function describeSummary(
  summary: EnqueueSummary,
  seconds: number,
  { dryRun = false, badRowsFile }: { dryRun?: boolean; badRowsFile?: string } = {},
): string {
  const lines = [
    `Read ${formatQuantity(summary.rows, 'row')} in ${formatDuration(seconds)}: ${formatQuantity(summary.photos, 'photo')}, ${formatQuantity(summary.badRows, 'bad row')}.`,
    `${dryRun ? 'Would enqueue' : 'Enqueued'} ${formatQuantity(summary.enqueuedPhotos, 'photo')} in ${formatQuantity(summary.enqueuedBatches, 'batch', 'batches')}.`,
  ]
  if (summary.copies > 0)
    lines.push(
      `${formatQuantity(summary.copies, 'file is a copy', 'files are copies')} of another file: the same photo.`,
    )
  if (summary.skippedFiles) lines.push(...describeSkippedFiles(summary.skippedFiles))
  if (summary.alreadyEmbedded > 0)
    lines.push(`${formatQuantity(summary.alreadyEmbedded, 'is', 'are')} already embedded.`)
  if (summary.alreadyQueued > 0)
    lines.push(`${formatQuantity(summary.alreadyQueued, 'is', 'are')} already in the queue.`)
  if (summary.previouslyFailed > 0)
    lines.push(
      `${formatCount(summary.previouslyFailed)} failed permanently before; enqueue them again with --retry-failed.`,
    )
  if (summary.leftOut)
    lines.push(
      `${formatQuantity(summary.leftOut.photos, 'photo was', 'photos were')} left out: ${summary.leftOut.reason}`,
    )
  return [...lines, ...describeRowCounts(summary, badRowsFile)].join('\n')
}

/** What `--sync` removed, or would remove. */
export function describeSync(outcome: SyncOutcome | DamagedInput): string {
  if ('damagedRows' in outcome)
    return `--sync expects an input without damaged rows; found ${formatCount(outcome.damagedRows)}, whose photos would count as gone. No photo was removed. Correct the bad rows above and repeat the command.`
  const { vanished, of, photos, copies, isRefused, disksAway } = outcome
  const away = disksAway
    ? `\nExpected a disk mounted at ${disksAway.join(', ')}, found none: nothing of it was removed. If it is gone for good, repeat the command with --yes.`
    : ''
  const share = `${formatCount(vanished)} of ${formatQuantity(of, 'photo')} (${((100 * vanished) / Math.max(1, of)).toFixed(1)} %)`
  if (isRefused)
    return `The input no longer has ${share}. Nothing was removed. If that is right, repeat the command with --yes; if not, is a disk missing, or do these photos come from another input?${away}`
  if (vanished === 0) return `The input still has all of its photos: none was removed.${away}`
  return `Removed ${formatQuantity(photos, 'photo')} that the input no longer has, of ${formatCount(of)}, and ${formatQuantity(copies, 'stored copy', 'stored copies')}.${away}`
}

/** Files below a folder that hold no photo. */
function describeSkippedFiles(skipped: SkippedFiles): string[] {
  const count = Object.values(skipped.byType).reduce((sum, each) => sum + each, 0)
  const lines = count > 0 ? [`Skipped ${formatQuantity(count, 'file')}: ${describeSkipped(skipped)}.`] : []
  if (skipped.paired > 0)
    lines.push(
      `${formatQuantity(skipped.paired, 'file belongs', 'files belong')} to a photo of the same name (RAW and JPEG, Live Photo), which counts once.`,
    )
  return lines
}

/** Problems of rows and values. Empty without problems. @param badRowsFile where all bad rows are written */
export function describeRowCounts(summary: RowCounts, badRowsFile?: string): string[] {
  const all = badRowsFile === undefined ? 'To list all: --bad-rows FILE' : `All of them: ${badRowsFile}`
  const lines = summary.badRows > 0 ? ['', ...describeBadRows(summary), all] : []
  if (summary.valueWarnings > 0)
    lines.push(
      `${formatQuantity(summary.valueWarnings, 'value does not fit its column and was', 'values do not fit their columns and were')} left out: ${Object.entries(
        summary.valueWarningsByKind,
      )
        .map(([kind, count]) => `${kind} ${formatCount(count)}`)
        .join(', ')}.`,
    )
  return lines
}

function describeBadRows(summary: RowCounts): string[] {
  const rows = Object.entries(summary.badRowsByProblem).map(([code, count]) => [
    code,
    count,
    ROW_PROBLEMS[code as RowProblemCode],
  ])
  const examples = summary.badRowExamples.map(({ part, line, problem }) => [
    `${part}:${line}`,
    problem.code,
    shorten(problem.found, 60),
  ])
  return [table(['bad rows', 'count', 'meaning'], rows), '', table(['example at', 'problem', 'found'], examples)]
}

/** Outcome of a run, as text for people. */
export function describeEnd(end: {
  photos: number
  done: number
  failed: number
  modelKey: string
  failures: readonly FailureGroup[]
  refreshed?: readonly RefreshCount[]
  seconds: number
}): string {
  const { photos, done, failed, modelKey, failures, refreshed, seconds } = end
  if (photos === 0) return 'Nothing is left to do.'
  const rate = (done + failed) / Math.max(seconds, 0.001)
  return [
    `${formatCount(done)} of ${formatQuantity(photos, 'photo')} embedded with ${modelKey}, ${formatCount(failed)} failed, in ${formatDuration(seconds)} (${rate.toFixed(1)} photos/s).`,
    ...(refreshed ? [describeRefresh(refreshed)] : []),
    ...describeFailures(failures),
    ...(refreshed && failures.length > 0
      ? ['Photos that were embedded before keep their embeddings; the same command asks for them again.']
      : []),
  ].join('\n')
}

const GONE = new Set(['HTTP_404', 'HTTP_410'])

/** What `--refresh` found: `Refreshed: 12 changed, 988 unchanged, 3 gone (HTTP 404).` */
export function describeRefresh(counts: readonly RefreshCount[]): string {
  const of = (outcome: RefreshCount['outcome']) =>
    counts.reduce((sum, count) => sum + (count.outcome === outcome ? count.photos : 0), 0)
  const failed = counts.filter(({ outcome }) => outcome === 'failed')
  const found = [
    `${formatCount(of('changed'))} changed`,
    `${formatCount(of('unchanged'))} unchanged`,
    ...(of('new') > 0 ? [`${formatCount(of('new'))} new`] : []),
    ...(of('uncompared') > 0
      ? [`${formatCount(of('uncompared'))} embedded again, because no version of them was recorded`]
      : []),
    ...failed.map(({ code, photos }) =>
      GONE.has(code!)
        ? `${formatCount(photos)} gone (${code!.replace('HTTP_', '')})`
        : `${formatCount(photos)} not checked (${code})`,
    ),
  ]
  return `Refreshed: ${found.join(', ')}.`
}

/** The file of the example, of an own photo. */
function exampleLine(url = ''): string[] {
  return filePath(url) === null ? [] : [`  example: ${placeLine(url)}`]
}

/** Failures by code, with their meaning. */
export function describeFailures(failures: readonly FailureGroup[]): string[] {
  if (failures.length === 0) return []
  const rows = failures.map(({ code, photos, photoId, message, url = '' }) => [
    code,
    photos,
    shorten(fileName(url) ?? photoId, 32),
    shorten(message, 70),
  ])
  return [
    '',
    table(['failure', 'photos', 'example', 'message'], rows),
    '',
    ...failures.flatMap(({ code, url }) => [`${code}: ${explainFailure(code)}`, ...exampleLine(url)]),
    'Enqueue them again: unsplash-clip ingest --retry-failed [CODE]',
  ]
}
