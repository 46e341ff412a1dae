import { AppError } from '../../domain/errors.js'
import type { PhotoRef } from '../../domain/photo.js'
import type { Encoder } from '../../domain/ports/encoder.js'
import type { PlaceRepository } from '../../domain/ports/place-repository.js'
import { type Batch, type Queue, RetryLaterError } from '../../domain/ports/queue.js'
import type { IngestRepository, ModelId } from '../../domain/ports/repository.js'
import { anySignal } from '../../domain/signals/any-signal.js'
import { MINUTE, SECOND } from '../../domain/units.js'
import { suspectsNetwork } from '../../net/network-check.js'
import type { CircuitBreaker } from '../delivery/circuit-breaker.js'
import { outageOf } from '../delivery/outage.js'
import { isOwn } from './download.js'
import { encodePhotos } from './encode.js'
import type { LabelPromptCache } from './label.js'
import {
  type FailedPhoto,
  type ImagePipeline,
  type OutOfReachPhoto,
  type PrepareDeps,
  preparePhotos,
} from './prepare.js'
import { planRetries, type RetrySettings, scheduleRetries } from './retry.js'
import { writeOutcome } from './write.js'

/**
 * How long the results of a batch wait for the database. Longer than a failover takes; then another worker, which may
 * reach the database, does the batch again.
 */
const HOLD_RESULTS_MS = 5 * MINUTE
/** Delay before a batch whose results waited in vain is delivered again. */
const COME_BACK_MS = 5 * SECOND

export interface BatchDeps extends PrepareDeps {
  repository: Pick<IngestRepository, 'photoStates' | 'embeddedVersions' | 'recordOutcome'>
  places: Pick<PlaceRepository, 'placesOf'>
  queue: Pick<Queue, 'add' | 'state' | 'remove'>
  labelPrompts: Pick<LabelPromptCache, 'ensure' | 'ensureAgain'>
  breaker: Pick<CircuitBreaker, 'isOpen' | 'insist' | 'recordFailure' | 'recordSuccess' | 'waitForProbe'>
  retry: RetrySettings
}

/** The batch's model. */
export interface BatchModel {
  encoder: Encoder
  modelId: ModelId
}

/** Photos of a batch by the outcome of this delivery. */
export interface BatchReport {
  embedded: number
  /** Failed permanently. */
  failed: number
  /** Enqueued again for a later try. */
  retried: number
  /** Settled before, by an earlier delivery or another batch; or embedded before and unchanged. */
  skipped: number
}

/**
 * Processes one delivery of a batch, stage by stage. It may stop anywhere and be repeated: settled photos are
 * skipped, and every write is an upsert. Photos to be retried are enqueued before the transaction commits, so that a
 * crash between the two repeats work and loses nothing.
 *
 * Photos of folders that this worker cannot read stay open: once the others are written, it rejects with FOLDER_UNREACHABLE,
 * and another worker gets them. The same goes for URL templates that this worker may not use: TEMPLATE_UNKNOWN.
 *
 * Once photos are downloaded, their results wait for a database that is away. Rejects when the queue is away, after
 * writing everything that can be written.
 *
 * @param signals after `leave` it begins no photo; when `stop` is aborted before the transaction, it rejects with its reason
 */
export async function processBatch(
  batch: Batch,
  { encoder, modelId }: BatchModel,
  deps: BatchDeps,
  { stop: signal, leave }: { stop: AbortSignal; leave: AbortSignal },
): Promise<BatchReport> {
  const photos = distinct(batch.photos)
  const open = await unsettled(batch, photos, modelId, deps.repository)
  if (open.length > 0) await deps.labelPrompts.ensure(batch, encoder, modelId)

  const files = open.filter(isOwn).map(photo => photo.id)
  const ids = open.map(photo => photo.id)
  const { prepared, unchanged, failed, postponed, outOfReach } = await preparePhotos(open, deps, {
    store: batch.store,
    input: encoder.input,
    places: files.length > 0 ? await deps.places.placesOf(files) : undefined,
    host: batch.host,
    embedded: batch.refresh ? await deps.repository.embeddedVersions(modelId, ids) : undefined,
    signal,
    leave,
  })
  const encoded = await deps.clock
    .time('encode', () => encodePhotos(encoder, prepared))
    .finally(() => {
      for (const { pixels } of prepared) deps.pipeline.release(pixels)
    })
  signal.throwIfAborted()

  const insist = <T>(call: () => Promise<T>) => insistOnDatabase(deps.breaker, call, signal)
  const allFailed = await insist(() => stillOpen(batch, [...failed, ...encoded.failed], modelId, deps.repository))
  // A host that is not reached may be down, or the network.
  if (allFailed.some(({ error }) => suspectsNetwork(error))) await deps.breaker.waitForProbe('network')
  const isOffline = ({ error }: FailedPhoto) => suspectsNetwork(error) && deps.breaker.isOpen('network')
  const offline = allFailed.filter(isOffline)
  const allPostponed = await insist(() => stillOpen(batch, postponed, modelId, deps.repository))
  if (allFailed.some(({ error }) => outageOf(error) === 'store')) await deps.breaker.waitForProbe('store')
  const plan = planRetries(
    batch,
    allFailed.filter(failed => !offline.includes(failed)),
    deps.retry,
    {
      postponed: [...allPostponed, ...offline.map(({ photo }) => ({ photo, cause: 'no network' as const }))],
      storeIsAway: deps.breaker.isOpen('store'),
    },
  )
  const queueOutage = await rejectionOf(scheduleRetries(deps.queue, plan.again))
  if (queueOutage !== null && outageOf(queueOutage) !== 'queue') throw queueOutage
  const { embedded } = encoded
  const retried = plan.again.reduce((sum, { batch: { photos } }) => sum + photos.length, 0)
  const possibleCopies = batch.store ? possibleCopiesOf(photos, embedded, deps.pipeline) : undefined
  const same = unchanged.map(({ photo, unchanged }) => ({ photoId: photo.id, version: unchanged }))
  const outcome = { embedded, failures: plan.forGood, unchanged: same, possibleCopies }
  const write = () => deps.clock.time('write', () => writeOutcome(deps.repository, batch, modelId, outcome))
  await insist(write).catch(async error => {
    if (!(error instanceof AppError && error.code === 'NOT_FOUND')) throw error
    // A label set was removed since it was stored, and this run wants it.
    await insist(() => deps.labelPrompts.ensureAgain(batch, encoder, modelId))
    await insist(write)
  })
  // The photos to be retried are still open: the next delivery finds exactly them.
  if (queueOutage !== null) throw queueOutage
  if (outOfReach.length > 0) throw unreachable(outOfReach)
  return {
    embedded: embedded.length,
    failed: plan.forGood.length,
    retried,
    skipped: photos.length - embedded.length - plan.forGood.length - retried,
  }
}

/** Copies of photos that this delivery does not embed. An earlier one may have stored them and died. */
function possibleCopiesOf(
  photos: readonly PhotoRef[],
  embedded: readonly { photoId: string }[],
  { copyKey }: Pick<ImagePipeline, 'copyKey'>,
): Record<string, string> {
  const told = new Set(embedded.map(({ photoId }) => photoId))
  return Object.fromEntries(photos.filter(({ id }) => !told.has(id)).map(({ id }) => [id, copyKey(id)]))
}

function unreachable([first, ...others]: readonly OutOfReachPhoto[]): AppError {
  const { what, code, why } = first!.outOfReach
  if (code === 'TEMPLATE_UNKNOWN')
    return new AppError(
      code,
      `This worker does not fetch by the URL template ${JSON.stringify(what)}: ${why}. Set its variables where workers run, and start a worker as the user of the ingest or with --allow-template TEMPLATE.`,
    )
  return new AppError(
    code,
    `This worker cannot read ${what}${others.length > 0 ? ` and ${others.length} more of its batch` : ''}${why ? ` (${why})` : ''}. ` +
      'Start a worker on the machine and as the user of the ingest, or with --allow-folder FOLDER where the folder is mounted.',
  )
}

/** Keeps what was downloaded and encoded while the database is away. @throws RetryLaterError when that takes too long */
async function insistOnDatabase<T>(
  breaker: Pick<CircuitBreaker, 'insist'>,
  call: () => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const tooLong = AbortSignal.timeout(HOLD_RESULTS_MS)
  const either = anySignal([signal, tooLong])
  try {
    return await breaker.insist('database', call, either)
  } catch (error) {
    if (error !== tooLong.reason || signal.aborted) throw error
    throw new RetryLaterError(COME_BACK_MS, 'its results waited for the database for too long', { cause: error })
  } finally {
    either.clear()
  }
}

/** After a hang the batch was taken over: downloads timed out here while other workers did the work. */
async function stillOpen<T extends { photo: PhotoRef }>(
  batch: Pick<Batch, 'refresh' | 'runId'>,
  failed: readonly T[],
  modelId: ModelId,
  repository: Pick<IngestRepository, 'photoStates'>,
): Promise<T[]> {
  if (failed.length === 0) return []
  const photos = failed.map(({ photo }) => photo)
  const open = new Set((await unsettled(batch, photos, modelId, repository)).map(({ id }) => id))
  return failed.filter(({ photo }) => open.has(photo.id))
}

/** Photos that are neither embedded, in a batch that refreshes neither checked, nor permanently failed. */
export async function unsettled(
  { refresh, runId }: Pick<Batch, 'refresh' | 'runId'>,
  photos: readonly PhotoRef[],
  modelId: ModelId,
  repository: Pick<IngestRepository, 'photoStates'>,
): Promise<PhotoRef[]> {
  const ids = photos.map(photo => photo.id)
  const { embedded, failed } = await repository.photoStates(modelId, ids, refresh ? runId : undefined)
  return photos.filter(photo => !embedded.has(photo.id) && !failed.has(photo.id))
}

export function distinct(photos: readonly PhotoRef[]): PhotoRef[] {
  return [...new Map(photos.map(photo => [photo.id, photo])).values()]
}

async function rejectionOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work
    return null
  } catch (error) {
    return error
  }
}
