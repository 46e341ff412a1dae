import { availableParallelism } from 'node:os'
import { AppError, PHOTO_FAILURES, type PhotoFailureCode } from '../../domain/errors.js'
import type { LabelSet } from '../../domain/labels.js'
import { modelKey } from '../../domain/model.js'
import type { Priority } from '../../domain/ports/queue.js'
import { formatQuantity } from '../../domain/text/format.js'
import { hasTextTower, requireTextTower } from '../../domain/text-tower.js'
import { parseWhere } from '../../domain/where/parse-where.js'
import { createRun, type IngestSubject, ingest } from '../../producers/ingest.js'
import { openInput } from '../../producers/input/open-input.js'
import type { Source } from '../../producers/input/source.js'
import { dryRun } from '../../producers/queueing/enqueue.js'
import type { Selection } from '../../producers/selection/select.js'
import { Supervisor } from '../../workers/supervisor/supervisor.js'
import { type Context, endInTime } from '../context.js'
import { SOME_FAILED } from '../exit-codes.js'
import { fetchModel } from '../models/model-files.js'
import { readLabelSet } from '../options/label-files.js'
import { Progress } from '../print/progress.js'
import { type BadRowsFile, openBadRows } from './bad-rows-file.js'
import { IngestPrinter } from './ingest-printer.js'
import { describeSummary } from './ingest-report.js'
import { WaitNotices } from './wait-notices.js'

interface SelectionOptions {
  sample?: number
  seed?: number
  limit?: number
  where?: string[]
}

export interface IngestOptions extends SelectionOptions {
  inputs: string[]
  urlTemplate?: string
  store: boolean
  priority?: Priority
  onlyMissing?: boolean
  /** true: every failure; a code: failures with this code. */
  retryFailed?: string | true
  /** Worker processes to start; 0: workers run elsewhere. */
  processes: number
  wait?: boolean
  dryRun?: boolean
  badRowsFile?: string
  /** Leave out the model's note on its purpose, because the input fits it. */
  madeForModel?: boolean
}

/** The `ingest` command. Starts the workers of `processes`, and prints the run. @returns exit code */
export async function ingestPhotos(context: Context, options: IngestOptions): Promise<number> {
  const code = checkUsage(options)
  const selection = selectionOf(options)
  const labelSets = options.dryRun ? [] : chooseLabelSets(context)
  const source = options.inputs.length > 0 ? await openInput(options.inputs) : null
  for (const warning of source?.warnings ?? []) context.out.note(warning)
  const badRows = await openBadRows(options.badRowsFile)
  try {
    if (options.dryRun) return await readOnly(context, source!, selection, options, badRows)
    return await startAndFollow(context, subjectOf(source, selection, code, options), labelSets, options, badRows)
  } finally {
    await badRows.close()
    await source?.close()
  }
}

/** @throws AppError FILTER_INVALID */
export function selectionOf({ where = [], sample, seed = 0, limit }: SelectionOptions): Selection {
  return { where: where.flatMap(parseWhere), sample, seed, limit }
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
    photosPerJob: app.config.PHOTOS_PER_JOB,
    urlTemplate: options.urlTemplate,
    onBadRow: badRows.write,
    onProgress: soFar => progress.write(`read: ${formatQuantity(soFar.rows, 'row')}`),
    signal,
  })
  const seconds = progress.end()
  out.result({ ...summary, seconds, dryRun: true }, describeSummary(summary, seconds, true))
  return summary.badRows > 0 ? SOME_FAILED : 0
}

function subjectOf(
  source: Source | null,
  selection: Selection,
  code: PhotoFailureCode | undefined,
  { retryFailed, onlyMissing = false }: IngestOptions,
): IngestSubject {
  const { limit } = selection
  if (retryFailed) return { kind: 'failed', code, limit }
  return source ? { kind: 'input', source, selection, onlyMissing } : { kind: 'missing', limit }
}

async function startAndFollow(
  context: Context,
  subject: IngestSubject,
  labelSets: readonly LabelSet[],
  options: IngestOptions,
  badRows: BadRowsFile,
): Promise<number> {
  const { app, out, signal } = context
  endInTime(context)
  if (options.processes > 0) await fetchModel(context)
  if (app.models.spec.note && !options.madeForModel) out.note(app.models.spec.note)
  const model = await app.models.identity()
  const { ingest: repository, runs } = await app.repositories()
  await app.database.keepAlive()
  const queue = await app.servingQueue()
  if (options.store) await app.store()
  const deps = { repository, runs, queue }
  const { priority = 'normal', store, urlTemplate, wait = false } = options
  const { PHOTOS_PER_JOB: photosPerJob, MAX_WAITING_BATCHES: maxWaiting } = app.config
  const plan = {
    ...{ subject, model, labelSets, priority, photosPerJob, maxWaiting, store, urlTemplate },
    options: { ...options },
  }
  const start = new Progress('start')
  const onWait = new WaitNotices(out, start).tell
  const run = await createRun(deps, plan, { signal, onWait }).finally(() => start.end())
  const workers = options.processes > 0 ? startWorkers(context, options) : null
  const printer = new IngestPrinter(context, run.id)
  const { summary, end } = await ingest(deps, run, {
    workers,
    follow: wait,
    signal,
    onBadRow: badRows.write,
    onProgress: ({ rows, enqueuedPhotos }) =>
      printer.progress.write(
        `enqueue: ${formatQuantity(rows, 'row')}, ${formatQuantity(enqueuedPhotos, 'photo')} enqueued`,
      ),
    onEnqueued: printer.enqueued,
    onRunProgress: printer.runProgress,
    onEnd: printer.end,
    onWait: printer.wait,
  }).finally(() => printer.close())
  if (!end && summary.enqueuedPhotos > 0)
    out.text(
      'Workers process the photos: unsplash-clip worker. To watch: unsplash-clip run show --watch, or ingest with --wait.',
    )
  return summary.badRows > 0 || (end?.failed ?? 0) > 0 ? SOME_FAILED : 0
}

/**
 * Label sets are words. With an image-only model, the default sets are left out with a note, and requested ones are refused.
 * @throws AppError LABEL_SET_INVALID, MODEL_WITHOUT_TEXT
 */
function chooseLabelSets(context: Context): LabelSet[] {
  const { app, out, environment } = context
  const names = app.config.LABEL_SETS
  if (names.length > 0 && !environment.LABEL_SETS && !hasTextTower(app.models.spec)) {
    out.note(`${modelKey(app.models.spec)} embeds only images: no labels are predicted.`)
    return []
  }
  if (names.length > 0)
    requireTextTower(
      app.models.spec,
      `predict ${names.join(', ')}`,
      'Ingest without labels (leave out --label-set; if the setting LABEL_SETS is set, --label-set none), or with a model that has a text tower (`models list`).',
    )
  return names.map(name => readLabelSet(name, app.labelFolders))
}

/** The workers share the cores and log warnings only, because this command prints the progress. */
function startWorkers({ environment, out, signal: stop }: Context, { processes, inputs }: IngestOptions): Supervisor {
  const threads = Math.max(1, Math.floor(availableParallelism() / processes))
  return new Supervisor({
    processes,
    signal: stop,
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
      `--retry-failed reads photos from the database: leave out ${inputs.join(' ')}. A code follows the option: --retry-failed HTTP_503`,
    )
  if (inputs.length === 0 && !onlyMissing && retryFailed === undefined)
    throw new AppError(
      'USAGE',
      'ingest expects an input: photos.tsv000, photos.csv, urls.txt or a folder of images. Only --only-missing and --retry-failed need none.',
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
