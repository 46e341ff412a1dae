import { randomBytes } from 'node:crypto'
import type { PhotoFailureCode } from '../domain/errors.js'
import { Heartbeat } from '../domain/heartbeat.js'
import type { LabelSet } from '../domain/labels.js'
import type { ModelIdentity } from '../domain/model.js'
import type { PlaceRepository } from '../domain/ports/place-repository.js'
import type { Priority, Queue } from '../domain/ports/queue.js'
import type { FailureGroup, IngestRepository, ModelId } from '../domain/ports/repository.js'
import type { RefreshCount, RunRepository } from '../domain/ports/run-repository.js'
import { SECOND } from '../domain/units.js'
import type { BadRow, Source } from './input/source.js'
import type { BatchOptions } from './queueing/batch-enqueuer.js'
import {
  type EnqueueSummary,
  enqueue,
  enqueueCopies,
  enqueueFailed,
  enqueueLost,
  enqueueMissing,
} from './queueing/enqueue.js'
import { type Followed, followRun, type RunProgress } from './queueing/follow-run.js'
import { RetryingProxy } from './queueing/retrying-proxy.js'
import type { OnWait } from './queueing/wait-reason.js'
import { type DamagedInput, damagedInput } from './removal/damaged-rows.js'
import { deleteRemovedCopies, type RemovalDeps } from './removal/remove-photos.js'
import { type SyncOptions, type SyncOutcome, syncWith } from './removal/sync.js'
import { IdSet } from './selection/id-set.js'
import type { Selection } from './selection/select.js'

/** A third of the time after which the view `run_progress` takes a silent producer for dead. */
export const PRODUCER_SEEN_EVERY_MS = 10 * SECOND

export interface IngestDeps {
  repository: IngestRepository
  runs: RunRepository
  places: PlaceRepository
  queue: Queue
  removal: RemovalDeps
}

/** The photos of a run: those of an input, those of the database without embedding, or those that failed for good. */
export type IngestSubject =
  | {
      kind: 'input'
      source: Source
      selection: Selection
      onlyMissing: boolean
      /** Embeds again those of the embedded photos whose image has changed. */
      refresh?: boolean
      sync?: Pick<SyncOptions, 'isSure'>
    }
  /** `fromCopies`: embeds the stored copies, of the photos that have one. */
  | { kind: 'missing'; fromCopies?: boolean; limit?: number }
  /** `code` undefined: every failure. `ofRun`: only of the photos of that run. `fromCopies`: as above. */
  | { kind: 'failed'; code?: PhotoFailureCode; ofRun?: string; fromCopies?: boolean; limit?: number }

export interface IngestPlan
  extends Pick<
    BatchOptions,
    'photosPerJob' | 'store' | 'host' | 'urlTemplate' | 'environment' | 'ownTemplates' | 'maxWaiting'
  > {
  subject: IngestSubject
  model: ModelIdentity
  labelSets: readonly LabelSet[]
  priority: Priority
  /** Recorded with the run for everyone who may read the database. The URL template is reduced to its host. */
  options: Record<string, unknown>
}

/** A recorded run, ready to be enqueued. */
export interface IngestRun {
  id: string
  modelId: ModelId
  plan: IngestPlan
}

/** Workers that the caller started for a run. */
export interface StartedWorkers {
  /** @throws AppError WORKER_FAILED when none is left */
  assertAlive(): void
  stop(): Promise<void>
}

/** Receives the events of an ingest, in this order: progress of enqueueing, its summary, progress of the run, its end. */
export interface IngestListener {
  onBadRow?: (row: BadRow) => void
  /** The summary so far; the object is the same every time. */
  onProgress?: (soFar: Readonly<EnqueueSummary>) => void
  onEnqueued?: (summary: EnqueueSummary) => void
  /** After `onEnqueued`, with `sync` only. */
  onSynced?: (outcome: SyncOutcome | DamagedInput) => void
  onRunProgress?: (progress: RunProgress) => void
  /** Called before the workers are stopped, and only for a run that was followed. */
  onEnd?: (end: IngestEnd) => void
  onWait?: OnWait
}

export interface IngestOptions extends IngestListener {
  /** Null: workers run elsewhere. They are stopped at the end in every case. */
  workers: StartedWorkers | null
  /** Follow the run to its end. A run with started workers is always followed. */
  follow: boolean
  signal: AbortSignal
}

export interface IngestEnd extends Followed {
  failures: FailureGroup[]
  /** Of a run that refreshes. */
  refreshed?: RefreshCount[]
  seconds: number
}

export interface IngestResult {
  summary: EnqueueSummary
  /** Null without `sync`. */
  synced: SyncOutcome | DamagedInput | null
  /** Null for a run that was not followed. */
  end: IngestEnd | null
}

/** Registers the model and records a run, and waits for a database that is away. Nothing is enqueued yet. */
export async function createRun(
  deps: IngestDeps,
  plan: IngestPlan,
  { id = newRunId(), signal, onWait = () => {} }: { id?: string; signal?: AbortSignal; onWait?: OnWait } = {},
): Promise<IngestRun> {
  const repository = new RetryingProxy({ signal, onWait }).wrap(deps.repository, 'database')
  const { subject, model, labelSets, priority, photosPerJob } = plan
  const modelId = await repository.registerModel(model)
  await repository.createRun({
    id,
    modelId,
    source: describeSubject(subject),
    options: { ...withoutSecrets(plan.options), photosPerJob, labelSets: labelSets.map(set => set.name) },
    priority,
    labelSets,
  })
  return { id, modelId, plan }
}

/**
 * Enqueues the photos of a run and, with started workers or `follow`, waits until each is embedded or failed for good.
 * Enqueues again what the queue loses meanwhile. A run that ends before its part is done counts as interrupted: nobody
 * waits for its producer, whose part is to enqueue and, with started workers, to embed.
 * @throws AppError as {@link enqueue} and {@link followRun}; WORKER_FAILED when no started worker is left
 */
export async function ingest(deps: IngestDeps, run: IngestRun, options: IngestOptions): Promise<IngestResult> {
  const { workers } = options
  const heartbeat = new Heartbeat(() => deps.runs.producerSeen(run.id), PRODUCER_SEEN_EVERY_MS)
  let isDone = false
  try {
    const asked: string[] = []
    const seen = new IdSet()
    const readFrom = await startOfSync(deps, run, options)
    const summary = await enqueueSubject(deps, run, options, asked, seen)
    isDone = workers === null
    options.onEnqueued?.(summary)
    const synced = readFrom === null ? null : await syncSubject(deps, run, options, { seen, summary, readFrom })
    if (synced) options.onSynced?.(synced)
    const end = workers || options.follow ? await followToEnd(deps, run, options, asked) : null
    // Workers that were at work on photos while these were removed stored their copies after that.
    if (synced && end) await deleteRemovedCopies(deps.removal, options.signal)
    isDone = true
    if (end) options.onEnd?.(end)
    return { summary, synced, end }
  } finally {
    await workers?.stop()
    await heartbeat.end(() => deps.runs.producerEnded(run.id, isDone))
  }
}

function enqueueSubject(
  deps: IngestDeps,
  run: IngestRun,
  options: IngestOptions,
  asked: string[],
  seen: IdSet,
): Promise<EnqueueSummary> {
  const { subject } = run.plan
  const { onProgress, onBadRow } = options
  const batches = { ...batchOptions(run, options), onBatch: (id: string) => asked.push(id), onProgress }
  switch (subject.kind) {
    case 'input': {
      const { source, selection, onlyMissing, sync } = subject
      const onSeen = sync && ((pathOrId: string) => void seen.add(pathOrId))
      return enqueue(source, deps, { ...batches, selection, onlyMissing, onBadRow, onSeen })
    }
    case 'missing':
      return (subject.fromCopies ? enqueueCopies : enqueueMissing)(deps, { ...batches, limit: subject.limit })
    case 'failed':
      return enqueueFailed(deps, subject.code, {
        ...batches,
        limit: subject.limit,
        fromCopies: subject.fromCopies,
        ofRun: subject.ofRun,
      })
  }
}

/** @returns null without `sync` */
async function startOfSync(
  { removal }: IngestDeps,
  { plan: { subject } }: IngestRun,
  { onWait = () => {}, signal }: IngestOptions,
): Promise<string | null> {
  if (subject.kind !== 'input' || !subject.sync) return null
  return new RetryingProxy({ signal, onWait }).wrap(removal.removals, 'database').now()
}

async function syncSubject(
  deps: IngestDeps,
  { plan: { subject } }: IngestRun,
  { onWait = () => {}, signal }: IngestOptions,
  { seen, summary, readFrom }: { seen: IdSet; summary: EnqueueSummary; readFrom: string },
): Promise<SyncOutcome | DamagedInput | null> {
  if (subject.kind !== 'input' || !subject.sync) return null
  const damaged = damagedInput(subject.source, summary)
  if (damaged) return damaged
  const removals = new RetryingProxy({ signal, onWait }).wrap(deps.removal.removals, 'database')
  return syncWith(subject.source, seen, { ...deps.removal, removals }, { ...subject.sync, readFrom, signal })
}

async function followToEnd(
  deps: IngestDeps,
  run: IngestRun,
  options: IngestOptions,
  asked: readonly string[],
): Promise<IngestEnd> {
  const { workers, onRunProgress, onWait, signal } = options
  const followed = await followRun(run.id, deps, {
    signal,
    asked,
    untilQueueEmpty: workers !== null,
    onProgress: progress => {
      workers?.assertAlive()
      onRunProgress?.(progress)
    },
    onWait,
    ownWorkers: workers !== null,
    refill: () => enqueueLost(deps, batchOptions(run, options)),
  })
  const failures = followed.failed > 0 ? await deps.runs.failuresOfRun(run.id) : []
  const refreshed = isRefresh(run.plan) ? await deps.runs.refreshOfRun(run.id) : undefined
  return { ...followed, failures, refreshed, seconds: (Date.now() - followed.run.createdAt.getTime()) / 1000 }
}

export function batchOptions(
  { id, modelId, plan }: IngestRun,
  { workers, onWait, signal }: Pick<IngestOptions, 'workers' | 'onWait' | 'signal'>,
): BatchOptions {
  const { model, photosPerJob, labelSets, store, urlTemplate, environment, ownTemplates, priority, maxWaiting } = plan
  return {
    ...{ runId: id, modelId, model, photosPerJob, store, urlTemplate, environment, ownTemplates, priority, maxWaiting },
    labelSets: labelSets.map(set => set.name),
    // Of what the database knows, nobody knows which machine has it.
    host: plan.subject.kind === 'input' ? plan.host : undefined,
    kind: isRefresh(plan) ? 'refresh' : undefined,
    onLook: () => workers?.assertAlive(),
    ownWorkers: workers !== null,
    onWait,
    signal,
  }
}

const isRefresh = ({ subject }: IngestPlan): boolean => subject.kind === 'input' && subject.refresh === true

function describeSubject(subject: IngestSubject): string {
  if (subject.kind === 'input') return subject.source.description
  const fromCopies = subject.fromCopies ? ' --from-copies' : ''
  if (subject.kind === 'missing') return `--only-missing${fromCopies}`
  const ofRun = subject.ofRun === undefined ? '' : ` of run ${subject.ofRun}`
  return `--retry-failed${subject.code === undefined ? '' : ` ${subject.code}`}${fromCopies}${ofRun}`
}

/** Keeps only the host of a URL template: any other part may hold a token. */
function withoutSecrets({ urlTemplate, ...options }: Record<string, unknown>): Record<string, unknown> {
  if (typeof urlTemplate !== 'string') return options
  return { ...options, urlTemplate: `${/^[a-z]+:\/\/(?:[^/?#@]*@)?([^/?#{]*)/i.exec(urlTemplate)?.[1] ?? ''}/…` }
}

/** Ids sort by time and are short enough to be typed. */
export function newRunId(): string {
  const time = new Date().toISOString().replace(/\D/g, '').slice(0, 14)
  return `${time}-${randomBytes(2).toString('hex')}`
}
