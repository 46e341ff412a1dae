import { stat } from 'node:fs/promises'
import { AppError, type PhotoFailureCode } from '../../domain/errors.js'
import type { LabelSet } from '../../domain/labels.js'
import { modelKey } from '../../domain/model.js'
import { formatQuantity } from '../../domain/text/format.js'
import { type IngestSubject, ingest } from '../../producers/ingest.js'
import { openInput } from '../../producers/input/open-input.js'
import type { Source } from '../../producers/input/source.js'
import { dryRun } from '../../producers/queueing/enqueue.js'
import type { Selection } from '../../producers/selection/select.js'
import type { Context } from '../context.js'
import { SOME_FAILED } from '../exit-codes.js'
import { Progress } from '../print/progress.js'
import { type BadRowsFile, openBadRows } from './bad-rows-file.js'
import { imagesTemplate } from './images-template.js'
import { checkUsage, type IngestOptions, selectionOf } from './ingest-options.js'
import { IngestPrinter } from './ingest-printer.js'
import { describeSummary } from './ingest-report.js'
import { chooseLabelSets, startRun, startWorkers } from './start-ingest.js'

/** The `ingest` command. Starts the workers of `processes`, and prints the run. @returns exit code */
export async function ingestPhotos(context: Context, options: IngestOptions): Promise<number> {
  const code = checkUsage(options)
  const selection = selectionOf(options)
  const labelSets = options.dryRun ? [] : chooseLabelSets(context)
  const { sync = false, watch = false, videoFps } = options
  const mayBeEmpty = sync || watch
  const objects = () => context.app.objects()
  const reading = { mayBeEmpty, videoFps, objects, copies: context.app.storeLocation }
  const source = options.inputs.length > 0 ? await openInput(options.inputs, reading) : null
  for (const warning of source?.warnings ?? []) context.out.note(warning)
  const badRows = await openBadRows(options.badRowsFile)
  try {
    if (source && watch) {
      const { watchPhotos } = await import('./watch-photos.js')
      await assertFolders(source)
      return await watchPhotos(context, source, labelSets, options, badRows)
    }
    if (sync && source?.kind === 'records')
      throw new AppError(
        'USAGE',
        '--sync expects a folder, a table with photo ids or a list of URLs, found JSON Lines or Parquet: their photos cannot be told from those of other inputs. Remove photos with `photo rm --from FILE`.',
      )
    // Folders, buckets, and Parquet files that hold the images.
    if (options.refresh && source && source.folders.length > 0)
      throw new AppError(
        'USAGE',
        '--refresh expects a table or a list of URLs, found files: an ingest without it notices files that have changed.',
      )
    if (options.dryRun) return await readOnly(context, source!, selection, options, badRows)
    return await startAndFollow(context, subjectOf(source, selection, code, options), labelSets, options, badRows)
  } finally {
    await badRows.close()
    await source?.close()
  }
}

/** @throws AppError USAGE */
async function assertFolders({ kind, folders }: Source): Promise<void> {
  const stats = kind === 'image-folder' ? await Promise.all(folders.map(folder => stat(folder))) : []
  const other =
    kind === 'image-folder' ? folders.find((_, i) => !stats[i]!.isDirectory()) : `an input of the kind ${kind}`
  if (other !== undefined)
    throw new AppError('USAGE', `--watch expects folders of photos, found ${other}. Ingest it without --watch.`)
}

async function readOnly(
  { app, out, environment, signal }: Context,
  source: Source,
  selection: Selection,
  options: IngestOptions,
  badRows: BadRowsFile,
): Promise<number> {
  const progress = new Progress('read')
  const summary = await dryRun(source, {
    selection,
    photosPerJob: app.config.PHOTOS_PER_JOB,
    urlTemplate: (await imagesTemplate(options)) ?? options.urlTemplate,
    environment,
    onBadRow: badRows.write,
    onProgress: soFar => progress.write(`read: ${formatQuantity(soFar.rows, 'row')}`),
    signal,
  })
  const seconds = progress.end()
  out.result(
    { ...summary, seconds, dryRun: true },
    describeSummary(summary, seconds, { dryRun: true, badRowsFile: options.badRowsFile }),
  )
  return summary.badRows > 0 ? SOME_FAILED : 0
}

function subjectOf(
  source: Source | null,
  selection: Selection,
  code: PhotoFailureCode | undefined,
  { retryFailed, onlyMissing = false, fromCopies, refresh, sync, yes = false }: IngestOptions,
): IngestSubject {
  const { limit } = selection
  if (retryFailed) return { kind: 'failed', code, fromCopies, limit }
  return source
    ? { kind: 'input', source, selection, onlyMissing, refresh, sync: sync ? { isSure: yes } : undefined }
    : { kind: 'missing', fromCopies, limit }
}

async function startAndFollow(
  context: Context,
  subject: IngestSubject,
  labelSets: readonly LabelSet[],
  options: IngestOptions,
  badRows: BadRowsFile,
): Promise<number> {
  const { out, signal } = context
  const { deps, run } = await startRun(context, subject, labelSets, options)
  const workers = options.processes > 0 ? startWorkers(context, options) : null
  const printer = new IngestPrinter(context, run.id, options.badRowsFile)
  const { summary, synced, end } = await ingest(deps, run, {
    workers,
    follow: options.wait ?? false,
    signal,
    onBadRow: badRows.write,
    onProgress: ({ rows, enqueuedPhotos }) =>
      printer.progress.write(
        `enqueue: ${formatQuantity(rows, 'row')}, ${formatQuantity(enqueuedPhotos, 'photo')} enqueued`,
      ),
    onEnqueued: printer.enqueued,
    onSynced: printer.synced,
    onRunProgress: printer.runProgress,
    onEnd: printer.end,
    onWait: printer.wait,
  }).finally(() => printer.close())
  if (!end && summary.enqueuedPhotos > 0)
    out.text(
      `Workers process the photos: unsplash-clip worker${ofModel(context)}. To watch: unsplash-clip run show --watch, or ingest with --wait.`,
    )
  if (synced?.isRefused) return 1
  const isWhole = summary.badRows === 0 && summary.leftOut === undefined && (end?.failed ?? 0) === 0
  return isWhole ? 0 : SOME_FAILED
}

/** A worker without it would fetch and open the model of the settings first. */
function ofModel({ app, modelNamed }: Context): string {
  return modelNamed ? ` --model ${modelKey(app.models.spec)}` : ''
}
