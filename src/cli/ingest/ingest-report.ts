import { explainFailure } from '../../domain/errors.js'
import type { FailureGroup } from '../../domain/ports/repository.js'
import { formatCount, formatDuration, formatQuantity } from '../../domain/text/format.js'
import { ROW_PROBLEMS, type RowProblemCode } from '../../producers/input/source.js'
import type { EnqueueSummary } from '../../producers/queueing/enqueue.js'
import type { RowCounts } from '../../producers/queueing/input-tally.js'
import { shorten, table } from '../print/output.js'

/** Counts of rows and photos, as text for people. */
export function describeSummary(summary: EnqueueSummary, seconds: number, dryRun: boolean): string {
  const lines = [
    `Read ${formatQuantity(summary.rows, 'row')} in ${formatDuration(seconds)}: ${formatQuantity(summary.photos, 'photo')}, ${formatQuantity(summary.badRows, 'bad row')}.`,
    `${dryRun ? 'Would enqueue' : 'Enqueued'} ${formatQuantity(summary.enqueuedPhotos, 'photo')} in ${formatQuantity(summary.enqueuedBatches, 'batch', 'batches')}.`,
  ]
  if (summary.alreadyEmbedded > 0)
    lines.push(`${formatQuantity(summary.alreadyEmbedded, 'is', 'are')} already embedded.`)
  if (summary.alreadyQueued > 0)
    lines.push(`${formatQuantity(summary.alreadyQueued, 'is', 'are')} already in the queue.`)
  if (summary.previouslyFailed > 0)
    lines.push(
      `${formatCount(summary.previouslyFailed)} failed permanently before; enqueue them again with --retry-failed.`,
    )
  return [...lines, ...describeRowCounts(summary)].join('\n')
}

/** Problems of rows and values. Empty without problems. */
export function describeRowCounts(summary: RowCounts): string[] {
  const lines = summary.badRows > 0 ? ['', ...describeBadRows(summary)] : []
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
  return [
    table(['bad rows', 'count', 'meaning'], rows),
    '',
    table(['example at', 'problem', 'found'], examples),
    'To list all: --bad-rows FILE',
  ]
}

/** Outcome of a run, as text for people. */
export function describeEnd(end: {
  photos: number
  done: number
  failed: number
  modelKey: string
  failures: readonly FailureGroup[]
  seconds: number
}): string {
  const { photos, done, failed, modelKey, failures, seconds } = end
  if (photos === 0) return 'Nothing is left to do.'
  const rate = (done + failed) / Math.max(seconds, 0.001)
  return [
    `${formatCount(done)} of ${formatQuantity(photos, 'photo')} embedded with ${modelKey}, ${formatCount(failed)} failed, in ${formatDuration(seconds)} (${rate.toFixed(1)} photos/s).`,
    ...describeFailures(failures),
  ].join('\n')
}

/** Failures by code, with their meaning. */
export function describeFailures(failures: readonly FailureGroup[]): string[] {
  if (failures.length === 0) return []
  const rows = failures.map(({ code, photos, photoId, message }) => [code, photos, photoId, shorten(message, 70)])
  return [
    '',
    table(['failure', 'photos', 'example', 'message'], rows),
    '',
    ...failures.map(({ code }) => `${code}: ${explainFailure(code)}`),
    'Enqueue them again: unsplash-clip ingest --retry-failed [CODE]',
  ]
}
