import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { AppError, PHOTO_FAILURES, type PhotoFailureCode } from '../domain/errors.js'
import type { LabelSet } from '../domain/labels.js'
import { modelKey } from '../domain/model.js'
import type { Priority } from '../domain/ports/queue.js'
import type { BatchOptions, EnqueueDeps } from '../producers/batch-enqueuer.js'
import {
  dryRun,
  type EnqueueSummary,
  enqueue,
  enqueueFailed,
  enqueueLost,
  enqueueMissing,
} from '../producers/enqueue.js'
import { followRun } from '../producers/follow-run.js'
import { openInput } from '../producers/open-input.js'
import type { Selection } from '../producers/select.js'
import type { Source } from '../producers/source.js'
import { parseCondition } from '../producers/where.js'
import { type BadRowsFile, openBadRows } from './bad-rows-file.js'
import type { Context } from './context.js'
import { Holds } from './holds.js'
import { describeEnd, describeSummary } from './ingest-report.js'
import { readLabelSet } from './label-files.js'
import { fetchModel } from './model-files.js'
import { formatCount } from './output.js'
import { Progress } from './progress.js'
import { Supervisor } from './supervisor/supervisor.js'
import { hasTextTower, requireTextTower } from './text-tower.js'

export interface IngestOptions {
  inputs: string[]
  sample?: number
  seed?: number
  limit?: number
  where?: string[]
  urlTemplate?: string
  store: boolean
  priority?: Priority
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
/** After Ctrl-C nobody waits longer for the database. */
const PARTING_MS = 2000

/** The `ingest` command: reads, enqueues and, with workers or `wait`, follows the run to its end. @returns exit code */
export async function ingest(context: Context, options: IngestOptions): Promise<number> {
  const code = checkUsage(options)
  const selection: Selection = {
    where: (options.where ?? []).map(parseCondition),
    sample: options.sample,
    seed: options.seed ?? 0,
    limit: options.limit,
  }
  const labelSets = options.dryRun ? [] : chooseLabelSets(context)
  const source = options.inputs.length > 0 ? await openInput(options.inputs) : null
  for (const warning of source?.warnings ?? []) context.out.note(warning)
  const badRows = openBadRows(options.badRowsFile)
  try {
    if (options.dryRun) return await readOnly(context, source!, selection, options, badRows)
    return await enqueueAndFollow(context, source, labelSets, selection, code, options, badRows)
  } finally {
    await badRows.close()
    await source?.close()
  }
}

async function readOnly(
  { app, out, signal }: Context,
  source: Source,
  selection: Selection,
  options: IngestOptions,
  badRows: BadRowsFile,
): Promise<number> {
  const progress = new Progress('read')
  const summary = await dryRun(source, {
    selection,
    batchSize: app.config.BATCH_SIZE,
    urlTemplate: options.urlTemplate,
    onBadRow: badRows.write,
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
  labelSets: readonly LabelSet[],
  selection: Selection,
  code: PhotoFailureCode | undefined,
  options: IngestOptions,
  badRows: BadRowsFile,
): Promise<number> {
  const { app, out, signal } = context
  if (options.workers > 0) await fetchModel(context)
  if (app.modelSpec.note && !options.madeForModel) out.note(app.modelSpec.note)
  const model = await app.modelIdentity()
  const { ingest: repository, runs } = await app.repositories()
  await app.keepDatabaseAlive()
  const queue = await app.queue()
  if (options.store) await app.store()
  const modelId = await repository.registerModel(model)
  const { priority = 'normal', store, urlTemplate } = options
  const runId = newRunId()
  await repository.createRun({
    id: runId,
    modelId,
    source: describeSource(source, options),
    options: {
      ...withoutSecrets(options),
      batchSize: app.config.BATCH_SIZE,
      labelSets: labelSets.map(set => set.name),
    },
    priority,
    labelSets,
  })

  const workers = options.workers > 0 ? startWorkers(context, options) : null
  const progress = new Progress('enqueue')
  const deps: EnqueueDeps = { repository, runs, queue }
  const asked: string[] = []
  const batchOptions: BatchOptions = {
    runId,
    modelId,
    model,
    batchSize: app.config.BATCH_SIZE,
    labelSets: labelSets.map(set => set.name),
    store,
    urlTemplate,
    priority,
    maxWaiting: app.config.MAX_WAITING_BATCHES,
    onBatch: batchId => asked.push(batchId),
    onLook: () => workers?.assertAlive(),
    onHold: new Holds(out, progress).tell,
    signal,
  }
  try {
    const onProgress = ({ rows, enqueuedPhotos }: Readonly<EnqueueSummary>) =>
      progress.write(`enqueue: ${formatCount(rows)} rows, ${formatCount(enqueuedPhotos)} photos enqueued`)
    const stored = { ...batchOptions, onProgress, limit: selection.limit }
    const input = { ...batchOptions, onProgress, selection, onlyMissing: options.onlyMissing }
    const summary = options.retryFailed
      ? await enqueueFailed(deps, code, stored)
      : source
        ? await enqueue(source, deps, { ...input, onBadRow: badRows.write })
        : await enqueueMissing(deps, stored)
    const seconds = progress.end()
    out.result({ run: runId, ...summary, seconds }, describeSummary(summary, seconds, false))
    const rowsFailed = summary.badRows > 0
    if (!workers && !options.wait) {
      if (summary.enqueuedPhotos > 0)
        out.text(
          'Workers take it from here: unsplash-clip worker. To watch: unsplash-clip run show --watch, or ingest with --wait.',
        )
      return rowsFailed ? SOME_FAILED : 0
    }
    const failed = await follow(context, workers, deps, { ...batchOptions, onBatch: undefined }, asked)
    return rowsFailed || failed > 0 ? SOME_FAILED : 0
  } catch (error) {
    // What is enqueued is all there will be: lest the run be taken for one whose producer is still at work.
    if (signal.aborted) await atMost(PARTING_MS, repository.finishEnqueue(runId))
    throw error
  } finally {
    progress.end()
    await workers?.stop()
  }
}

/**
 * Label sets are words. A model that knows none goes without those of the default, and refuses those that were asked for.
 * @throws AppError LABEL_SET_INVALID, MODEL_WITHOUT_TEXT
 */
function chooseLabelSets(context: Context): LabelSet[] {
  const { app, out, environment } = context
  const names = app.config.LABEL_SETS
  if (names.length > 0 && !environment.LABEL_SETS && !hasTextTower(context)) {
    out.note(`${modelKey(app.modelSpec)} embeds images alone: no labels are predicted.`)
    return []
  }
  if (names.length > 0)
    requireTextTower(
      context,
      `predict ${names.join(', ')}`,
      'Ingest without labels (leave out --label-set; if the setting LABEL_SETS is set, --label-set none), or with a model that has a text tower (`models list`).',
    )
  return names.map(name => readLabelSet(name, app.labelFolders))
}

/** They share the cores, and say only what matters here: this command tells how the run goes. */
function startWorkers({ environment, out }: Context, { workers, inputs }: IngestOptions): Supervisor {
  const threads = Math.max(1, Math.floor(availableParallelism() / workers))
  return new Supervisor({
    processes: workers,
    environment: {
      ...environment,
      ALLOW_FOLDERS: [environment.ALLOW_FOLDERS, ...inputs].filter(Boolean).join(','),
      THREADS: environment.THREADS || String(threads),
      LOG_LEVEL: environment.LOG_LEVEL || 'warn',
      METRICS_PORT: '',
    },
    onCrash: ({ pid, exitCode, signal }) =>
      out.note(`Worker process ${pid} crashed (${signal ?? `exit code ${exitCode}`}); another one takes its place.`),
  }).start()
}

/** @returns how many photos failed */
async function follow(
  { app, out, signal }: Context,
  workers: Supervisor | null,
  deps: EnqueueDeps,
  batchOptions: BatchOptions,
  asked: readonly string[],
): Promise<number> {
  const { ingest: repository, runs } = await app.repositories()
  const queue = await app.queue()
  const progress = new Progress('photos')
  const holds = new Holds(out, progress)
  let isHeld = false
  const { run, ...counts } = await followRun(
    batchOptions.runId,
    { repository, runs, queue },
    {
      signal,
      asked,
      untilQueueEmpty: workers !== null,
      onProgress: ({ run, queue: { active } }) => {
        workers?.assertAlive()
        if (!isHeld)
          progress.update({ total: run.photos, done: run.done, failed: run.failed }, `${active} batches in work`)
      },
      onHold: hold => {
        isHeld = hold !== null && hold.kind !== 'lost'
        holds.tell(hold)
      },
      refill: () => enqueueLost(deps, { ...batchOptions, onHold: holds.tell }),
    },
  ).finally(() => progress.end())
  const failures = counts.failed > 0 ? await runs.failuresOfRun(run.id) : []
  const seconds = (Date.now() - run.createdAt.getTime()) / 1000
  out.result(
    { run: run.id, model: run.modelKey, ...counts, failures, seconds },
    describeEnd({ ...counts, modelKey: run.modelKey, failures, seconds }),
  )
  return counts.failed
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

/**
 * What is kept with the run, where everybody who may read the database reads it. Of a template only the host: a token may
 * stand anywhere else in it.
 */
function withoutSecrets({ urlTemplate, ...options }: IngestOptions): Record<string, unknown> {
  if (urlTemplate === undefined) return options
  return { ...options, urlTemplate: `${/^[a-z]+:\/\/(?:[^/?#@]*@)?([^/?#{]*)/i.exec(urlTemplate)?.[1] ?? ''}/…` }
}

async function atMost(ms: number, work: Promise<unknown>): Promise<void> {
  await Promise.race([work.catch(() => {}), pause(ms, undefined, { ref: false })])
}

/** Sorts by time, and is short enough to be typed. */
function newRunId(): string {
  const time = new Date().toISOString().replace(/\D/g, '').slice(0, 14)
  return `${time}-${randomBytes(2).toString('hex')}`
}
