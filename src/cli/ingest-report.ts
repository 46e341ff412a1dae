import { explainFailure } from '../domain/errors.js'
import type { FailureGroup } from '../domain/ports/repository.js'
import type { EnqueueSummary } from '../producers/enqueue.js'
import type { RowCounts } from '../producers/input-tally.js'
import { ROW_PROBLEMS, type RowProblemCode } from '../producers/source.js'
import { formatCount, formatDuration, shorten, table } from './output.js'

/** What was read and enqueued, for people. */
export function describeSummary(summary: EnqueueSummary, seconds: number, dryRun: boolean): string {
  const lines = [
    `Read ${formatCount(summary.rows)} rows in ${formatDuration(seconds)}: ${formatCount(summary.photos)} photos, ${formatCount(summary.badRows)} bad rows.`,
    `${dryRun ? 'Would enqueue' : 'Enqueued'} ${formatCount(summary.enqueuedPhotos)} photos in ${formatCount(summary.enqueuedBatches)} batches.`,
  ]
  if (summary.alreadyEmbedded > 0) lines.push(`${formatCount(summary.alreadyEmbedded)} are embedded already.`)
  if (summary.alreadyQueued > 0) lines.push(`${formatCount(summary.alreadyQueued)} are in the queue already.`)
  if (summary.previouslyFailed > 0)
    lines.push(
      `${formatCount(summary.previouslyFailed)} failed for good before; enqueue them again with --retry-failed.`,
    )
  return [...lines, ...describeRowCounts(summary)].join('\n')
}

/** What was wrong with rows and values, if anything. */
export function describeRowCounts(summary: RowCounts): string[] {
  const lines = summary.badRows > 0 ? ['', ...describeBadRows(summary)] : []
  if (summary.valueWarnings > 0)
    lines.push(
      `${formatCount(summary.valueWarnings)} values did not fit their column and were left out: ${Object.entries(
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
  return [
    table(['bad rows', 'count', 'what it means'], rows),
    '',
    table(['for instance at', 'problem', 'found'], examples),
    'All of them: --bad-rows FILE',
  ]
}

/** What a run came to, for people. */
export function describeEnd(end: {
  photos: number
  done: number
  failed: number
  modelKey: string
  failures: readonly FailureGroup[]
  seconds: number
}): string {
  const { photos, done, failed, modelKey, failures, seconds } = end
  if (photos === 0) return 'Nothing was left to do.'
  const rate = (done + failed) / Math.max(seconds, 0.001)
  return [
    `${formatCount(done)} of ${formatCount(photos)} photos embedded with ${modelKey}, ${formatCount(failed)} failed, in ${formatDuration(seconds)} (${rate.toFixed(1)} photos/s).`,
    ...describeFailures(failures),
  ].join('\n')
}

/** Failures by code, with what each means. */
export function describeFailures(failures: readonly FailureGroup[]): string[] {
  if (failures.length === 0) return []
  const rows = failures.map(({ code, photos, photoId, message }) => [code, photos, photoId, shorten(message, 70)])
  return [
    '',
    table(['failure', 'photos', 'for instance', 'message'], rows),
    '',
    ...failures.map(({ code }) => `${code}: ${explainFailure(code)}`),
    'Enqueue them again: unsplash-clip ingest --retry-failed [CODE]',
  ]
}
