import { randomBytes } from 'node:crypto'
import { createWriteStream, type WriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'
import { AppError, PHOTO_FAILURES, type PhotoFailureCode } from '../domain/errors.js'
import type { Run } from '../domain/ports/repository.js'
import { dryRun, type EnqueueSummary, enqueue, enqueueFailed, enqueueMissing } from '../producers/enqueue.js'
import { followRun } from '../producers/follow-run.js'
import { openInput } from '../producers/open-input.js'
import type { Selection } from '../producers/select.js'
import type { BadRow, Source } from '../producers/source.js'
import { parseCondition } from '../producers/where.js'
import type { Context } from './context.js'
import { describeFailures, describeSummary } from './ingest-report.js'
import { readLabelSet } from './label-files.js'
import { fetchModel } from './model-files.js'
import { formatCount, formatDuration } from './output.js'
import { Progress } from './progress.js'
import { WorkerProcesses } from './spawn-workers.js'

export interface IngestOptions {
  inputs: string[]
  sample?: number
  seed?: number
  limit?: number
  where?: string[]
  urlTemplate?: string
  store: boolean
  onlyMissing?: boolean
  /** true: every failure; a code: those with it. */
  retryFailed?: string | true
  /** Workers to start here; 0: they run elsewhere. */
  workers: number
  wait?: boolean
  dryRun?: boolean
  badRowsFile?: string
  /** The input is what the model was made for: its note on that is left out. */
  madeForModel?: boolean
}

const SOME_FAILED = 3

/** The `ingest` command: reads, enqueues and, with workers or `wait`, follows the run to its end. @returns exit code */
export async function ingest(context: Context, options: IngestOptions): Promise<number> {
  const code = checkUsage(options)
  const selection: Selection = {
    where: (options.where ?? []).map(parseCondition),
    sample: options.sample,
    seed: options.seed ?? 0,
    limit: options.limit,
  }
  const source = options.inputs.length > 0 ? await openInput(options.inputs) : null
  for (const warning of source?.warnings ?? []) context.out.note(warning)
  const badRows = options.badRowsFile ? createWriteStream(options.badRowsFile) : null
  try {
    if (options.dryRun) return await readOnly(context, source!, selection, options, badRows)
    return await enqueueAndFollow(context, source, selection, code, options, badRows)
  } finally {
    badRows?.end()
    if (badRows) await finished(badRows)
    await source?.close()
  }
}

async function readOnly(
  { app, out, signal }: Context,
  source: Source,
  selection: Selection,
  options: IngestOptions,
  badRows: WriteStream | null,
): Promise<number> {
  const progress = new Progress('read')
  const summary = await dryRun(source, {
    selection,
    batchSize: app.config.BATCH_SIZE,
    urlTemplate: options.urlTemplate,
    onBadRow: writerOf(badRows),
    onProgress: soFar => progress.write(`read: ${formatCount(soFar.rows)} rows`),
    signal,
  })
  const seconds = progress.end()
  out.result({ ...summary, seconds, dryRun: true }, describeSummary(summary, seconds, true))
  return summary.badRows > 0 ? SOME_FAILED : 0
}

async function enqueueAndFollow(
  context: Context,
  source: Source | null,
  selection: Selection,
  code: PhotoFailureCode | undefined,
  options: IngestOptions,
  badRows: WriteStream | null,
): Promise<number> {
  const { app, out, signal } = context
  const labelSets = app.config.LABEL_SETS.map(name => readLabelSet(name, app.labelFolders).name)
  if (options.workers > 0) await fetchModel(context)
  if (app.modelSpec.note && !options.madeForModel) out.note(app.modelSpec.note)
  const model = await app.modelIdentity()
  const { ingest: repository } = await app.repositories()
  const queue = await app.queue()
  if (options.store) await app.store()
  const modelId = await repository.registerModel(model)
  const run = {
    id: newRunId(),
    modelId,
    source: describeSource(source, options),
    options: { ...options, batchSize: app.config.BATCH_SIZE, labelSets },
  }
  await repository.createRun(run)

  const workers = options.workers > 0 ? startWorkers(context, options) : null
  try {
    const progress = new Progress('enqueue')
    const deps = { repository, queue }
    const batchOptions = {
      runId: run.id,
      modelId,
      model,
      batchSize: app.config.BATCH_SIZE,
      labelSets,
      store: options.store,
      urlTemplate: options.urlTemplate,
      signal,
      onProgress: (soFar: Readonly<EnqueueSummary>) =>
        progress.write(
          `enqueue: ${formatCount(soFar.rows)} rows, ${formatCount(soFar.enqueuedPhotos)} photos enqueued`,
        ),
    }
    const summary = options.retryFailed
      ? await enqueueFailed(deps, code, { ...batchOptions, limit: selection.limit })
      : source
        ? await enqueue(source, deps, {
            ...batchOptions,
            selection,
            onlyMissing: options.onlyMissing,
            onBadRow: writerOf(badRows),
          })
        : await enqueueMissing(deps, { ...batchOptions, limit: selection.limit })
    const seconds = progress.end()
    out.result({ run: run.id, ...summary, seconds }, describeSummary(summary, seconds, false))
    const rowsFailed = summary.badRows > 0
    if (!workers && !options.wait) {
      if (summary.enqueuedPhotos > 0)
        out.text(
          'Workers take it from here: unsplash-clip worker. To watch: unsplash-clip status, or ingest with --wait.',
        )
      return rowsFailed ? SOME_FAILED : 0
    }
    const ended = await follow(context, run.id, workers)
    return rowsFailed || ended.failed > 0 ? SOME_FAILED : 0
  } finally {
    await workers?.stop()
  }
}

function startWorkers(context: Context, options: IngestOptions): WorkerProcesses {
  const folders = options.inputs.length > 0 ? options.inputs : []
  const allowed = [context.environment.ALLOW_FOLDERS, ...folders].filter(Boolean).join(',')
  return new WorkerProcesses(options.workers, { ...context.environment, ALLOW_FOLDERS: allowed })
}

async function follow({ app, out, signal }: Context, runId: string, workers: WorkerProcesses | null): Promise<Run> {
  await app.keepDatabaseAlive()
  const { ingest: repository } = await app.repositories()
  const queue = await app.queue()
  const progress = new Progress('photos')
  const run = await followRun(
    runId,
    { repository, queue },
    {
      signal,
      untilQueueEmpty: workers !== null,
      onProgress: ({ run, queue: counts }) => {
        workers?.assertAlive()
        progress.update({ total: run.photos, done: run.done, failed: run.failed }, `${counts.active} batches in work`)
      },
      onIdle: message => out.note(message),
    },
  ).finally(() => progress.end())
  const model = await repository.findModel(run.modelKey)
  const failures = run.failed > 0 && model ? await repository.failureGroups(model.id) : []
  const seconds = (Date.now() - run.createdAt.getTime()) / 1000
  const rate = (run.done + run.failed) / Math.max(seconds, 0.001)
  out.result(
    { run: run.id, model: run.modelKey, photos: run.photos, done: run.done, failed: run.failed, failures, seconds },
    [
      run.photos === 0
        ? 'Nothing was left to do.'
        : `${formatCount(run.done)} of ${formatCount(run.photos)} photos embedded with ${run.modelKey}, ${formatCount(run.failed)} failed, in ${formatDuration(seconds)} (${rate.toFixed(1)} photos/s).`,
      ...describeFailures(failures),
    ].join('\n'),
  )
  return run
}

function checkUsage({
  inputs,
  onlyMissing,
  retryFailed,
  dryRun: dry,
  sample,
  where,
}: IngestOptions): PhotoFailureCode | undefined {
  if (retryFailed !== undefined && inputs.length > 0)
    throw new AppError(
      'USAGE',
      `--retry-failed takes its photos from the database: leave out ${inputs.join(' ')}. A code follows the option: --retry-failed HTTP_503`,
    )
  if (inputs.length === 0 && !onlyMissing && retryFailed === undefined)
    throw new AppError(
      'USAGE',
      'ingest expects an input: photos.tsv000, photos.csv, urls.txt or a folder of images. Only --only-missing and --retry-failed do without one.',
    )
  if (inputs.length === 0 && (dry || sample !== undefined || (where?.length ?? 0) > 0))
    throw new AppError('USAGE', '--dry-run, --sample and --where need an input.')
  if (typeof retryFailed !== 'string') return undefined
  if (!Object.hasOwn(PHOTO_FAILURES, retryFailed) && !/^HTTP_\d{3}$/.test(retryFailed))
    throw new AppError(
      'USAGE',
      `--retry-failed expects one of HTTP_<status>, ${Object.keys(PHOTO_FAILURES).join(', ')}; found ${JSON.stringify(retryFailed)}`,
    )
  return retryFailed as PhotoFailureCode
}

function describeSource(source: Source | null, { retryFailed }: IngestOptions): string {
  if (source) return source.description
  if (retryFailed === undefined) return '--only-missing'
  return retryFailed === true ? '--retry-failed' : `--retry-failed ${retryFailed}`
}

/** Sorts by time, and is short enough to be typed. */
function newRunId(): string {
  const time = new Date().toISOString().replace(/\D/g, '').slice(0, 14)
  return `${time}-${randomBytes(2).toString('hex')}`
}

function writerOf(stream: WriteStream | null): ((row: BadRow) => void) | undefined {
  return stream ? row => void stream.write(`${JSON.stringify(row)}\n`) : undefined
}
