import type { LabelSet } from '../../domain/labels.js'
import type { FailureGroup } from '../../domain/ports/repository.js'
import type { GivenUpGroup, RefreshCount } from '../../domain/ports/run-repository.js'
import { formatCount, formatDuration, formatQuantity } from '../../domain/text/format.js'
import type { RunView, WorkersView } from '../../producers/runs/run-view.js'
import { describeFailures, describeRefresh } from '../ingest/ingest-report.js'
import { shorten, table } from '../print/output.js'

/** Advice on batches that were given up, where the error message holds none. */
const WHAT_TO_DO: Record<string, string> = {
  MODEL_UNKNOWN: 'The workers are older than the model of the run: deploy them again.',
  MODEL_NOT_FOUND:
    'The workers cannot find the files of the model: set MODEL_SOURCE, or run "models pull" on their machines.',
  MODEL_DOWNLOAD_FAILED:
    'The workers could not fetch the model: check MODEL_SOURCE and HF_ENDPOINT from their machines.',
  MODEL_DIGEST_MISMATCH: 'The files at MODEL_SOURCE are not those of the registry: correct them there.',
  MODEL_DISK_FULL: 'The disk of a worker is full: make room in MODELS_DIR.',
  MODEL_WITHOUT_TEXT: 'The model of the run embeds images only: ingest without label sets, --label-set none.',
  LABEL_SET_INVALID: 'A label set of the run cannot be used: correct its file and start the ingest again.',
  WORKER_FAILED: 'The message gives the cause; the logs of the workers give details.',
}

/** The table of `run list` and `status`: two lines per run, so that it fits a terminal of 80 columns. */
export function describeRuns(runs: readonly RunView[]): string {
  const [header, ...rows] = table(
    ['run', 'state', 'photos', 'done', 'failed', 'left'],
    runs.map(run => [run.id, run.state, run.photos, run.done, run.failed, run.left]),
  ).split('\n')
  return [header, ...runs.flatMap((run, i) => [rows[i], `  ${shorten(describeCourse(run), 77)}`])].join('\n')
}

/** 10:04, 12.0/s, ETA 3 min 4 s, clip-vit-b-32@int8, high priority, /home/me/photos */
function describeCourse({ createdAt, photosPerSecond, etaSeconds, modelKey, priority, source }: RunView): string {
  return [
    createdAt.toISOString().slice(0, 16),
    ...(photosPerSecond > 0 ? [formatRate(photosPerSecond)] : []),
    ...(etaSeconds === null ? [] : [`ETA ${formatDuration(etaSeconds)}`]),
    modelKey,
    ...(priority === 'normal' ? [] : [`${priority} priority`]),
    source,
  ].join(', ')
}

export interface RunDetails {
  run: RunView
  failures: readonly FailureGroup[]
  /** Of a run that refreshes. */
  refreshed?: readonly RefreshCount[]
  givenUp: readonly GivenUpGroup[]
  options: Readonly<Record<string, unknown>>
  labelSets: readonly LabelSet[]
  workers: WorkersView
}

export function describeRun({ run, failures, refreshed, givenUp, options, labelSets, workers }: RunDetails): string {
  const given = Object.entries(options).filter(([, value]) => !isUnset(value))
  const sets = labelSets.map(({ name, labels }) => `${name} (${labels.join(', ')})`)
  return [
    `Run         ${run.id}: ${run.state}, priority ${run.priority}`,
    `Source      ${run.source}`,
    `Model       ${run.modelKey}`,
    `Started     ${run.createdAt.toISOString().slice(0, 19)}Z${run.enqueuedAt ? `, all enqueued ${run.enqueuedAt.toISOString().slice(0, 19)}Z` : ''}`,
    `Options     ${given.map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`).join(', ') || 'none'}`,
    `Label sets  ${sets.join(', ') || 'none'}`,
    `Photos      ${formatCount(run.photos)}: ${formatCount(run.done)} done, ${formatCount(run.failed)} failed, ${formatCount(run.left)} left`,
    ...(refreshed ? [describeRefresh(refreshed)] : []),
    run.state === 'cancelled' && run.inFlight === 0
      ? `Left        ${formatCount(run.left)} undone`
      : `Left        ${formatCount(run.inFlight)} in flight, ${formatCount(run.waiting)} waiting, ${formatCount(run.parkedPhotos)} parked, ${formatCount(run.givenUpPhotos)} given up`,
    `Rate        ${describeRate(run)}`,
    ...describeWorkers(workers),
    ...whatNow(run, workers),
    ...describeGivenUp(givenUp),
    ...describeFailures(failures),
  ].join('\n')
}

/** The live workers, with rates and troubles. */
export function describeWorkers({ alive, photosPerSecond, inFlight, workers }: WorkersView): string[] {
  const total = `Workers     ${formatCount(alive)} alive, ${formatRate(photosPerSecond)}, ${formatQuantity(inFlight, 'photo')} in flight`
  if (alive === 0) return ['Workers     none alive']
  const models = new Set(workers.map(({ model }) => model))
  const rows = workers.map(worker => [
    `${shorten(worker.host, 24)}:${worker.pid}`,
    ...(models.size > 1 ? [worker.model] : []),
    formatRate(worker.photosPerSecond),
    Object.values(worker.inHand).reduce((sum, photos) => sum + photos, 0),
    worker.embedded,
    worker.failed,
  ])
  const header = ['worker', ...(models.size > 1 ? ['model'] : []), 'rate', 'in flight', 'embedded', 'failed']
  const troubles = workers.flatMap(({ host, pid, trouble }) => (trouble === null ? [] : [`${host}:${pid}: ${trouble}`]))
  return [models.size > 1 ? total : `${total}, ${[...models][0]}`, '', table(header, rows), ...troubles]
}

/** Batches that were given up, with causes and advice. */
export function describeGivenUp(groups: readonly GivenUpGroup[]): string[] {
  if (groups.length === 0) return []
  const rows = groups.map(({ code, batches, photos, message }) => [code, batches, photos, shorten(message, 200)])
  const advice = groups.flatMap(({ code }) => (WHAT_TO_DO[code] ? [`${code}: ${WHAT_TO_DO[code]}`] : []))
  return [
    '',
    table(['given up', 'batches', 'photos', 'message'], rows),
    '',
    ...advice,
    'Then enqueue them again: unsplash-clip ingest --only-missing',
  ]
}

function describeRate({ state, photosPerSecond, etaSeconds }: RunView): string {
  const rate = `${formatRate(photosPerSecond)} ${state === 'done' ? 'over all of its time' : 'over the last two minutes'}`
  return etaSeconds === null ? rate : `${rate}, ETA ${formatDuration(etaSeconds)}`
}

/** How to go on with runs whose photos wait while no worker is alive. Empty when none does. */
export function describeStuck(runs: readonly RunView[], { alive }: WorkersView): string[] {
  if (alive > 0) return []
  const stuck = runs.filter(
    run => run.state === 'interrupted' || (run.state === 'waiting for workers' && run.waiting > 0),
  )
  return stuck.length === 0 ? [] : ['', ...stuck.map(run => `Run ${run.id}: ${howToGoOn(run)}`)]
}

function howToGoOn({ state, waiting }: RunView): string {
  const workers = 'unsplash-clip worker'
  if (state === 'interrupted')
    return `its producer ended before all was done. The same ingest, started again, goes on where it stopped.${waiting > 0 ? ` For what is in the queue alone, start workers: ${workers}` : ''}`
  return `${formatQuantity(waiting, 'photo waits', 'photos wait')} and no worker is alive. Start workers: ${workers}`
}

function whatNow(run: RunView, workers: WorkersView): string[] {
  if (run.state === 'paused') return ['', `To resume: unsplash-clip run resume ${run.id}`]
  if (run.state === 'cancelled') return run.left === 0 ? [] : ['', 'To do the rest, start the same ingest again.']
  if (run.parkedBatches > 0)
    return [
      '',
      `${run.parkedBatches} batches are parked although the run is active: unsplash-clip run resume ${run.id}`,
    ]
  return describeStuck([run], workers)
}

function formatRate(photosPerSecond: number): string {
  return `${photosPerSecond.toFixed(1)}/s`
}

function isUnset(value: unknown): boolean {
  return value === null || value === undefined || (Array.isArray(value) && value.length === 0)
}
