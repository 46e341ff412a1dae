import type { PhotoRef } from '../domain/photo.js'
import type { Encoder } from '../domain/ports/encoder.js'
import type { Batch, Queue } from '../domain/ports/queue.js'
import type { IngestRepository, ModelId } from '../domain/ports/repository.js'
import { encodePhotos } from './encode.js'
import type { Gate } from './gate.js'
import type { Prompts } from './label.js'
import { outageOf } from './outage.js'
import { type FailedPhoto, type PrepareDeps, preparePhotos } from './prepare.js'
import { planRetries, type RetrySettings, scheduleRetries } from './retry.js'
import { writeOutcome } from './write.js'

export interface BatchDeps extends PrepareDeps {
  repository: Pick<IngestRepository, 'photoStates' | 'recordOutcome'>
  queue: Pick<Queue, 'add' | 'state' | 'remove'>
  prompts: Pick<Prompts, 'ensure'>
  gate: Pick<Gate, 'isAway' | 'failed' | 'worked' | 'verdict'>
  retry: RetrySettings
}

/** Of the batch's model. */
export interface BatchModel {
  encoder: Encoder
  modelId: ModelId
}

/** Photos of a batch, by what became of them in this delivery. */
export interface BatchReport {
  embedded: number
  /** For good. */
  failed: number
  /** Put into the queue again, for another try later. */
  retried: number
  /** Settled before, by an earlier delivery or another batch. */
  skipped: number
}

/**
 * One delivery of a batch, stage by stage. May be stopped anywhere and delivered again: photos that are settled are
 * skipped, and everything written is an upsert. Photos to be tried again go into the queue before the transaction, so that
 * a crash between the two repeats work and loses nothing.
 *
 * Rejects, to be delivered again later, when the database or the queue is away (what could be written is); with the
 * signal's reason when that is aborted before the transaction.
 */
export async function processBatch(
  batch: Batch,
  { encoder, modelId }: BatchModel,
  deps: BatchDeps,
  signal: AbortSignal,
): Promise<BatchReport> {
  const photos = distinct(batch.photos)
  const open = await unsettled(photos, modelId, deps.repository)
  if (open.length > 0) await deps.prompts.ensure(batch, encoder, modelId)

  const { prepared, failed } = await preparePhotos(open, deps, { store: batch.store, input: encoder.input, signal })
  const encoded = await deps.clock.time('encode', () => encodePhotos(encoder, prepared))
  for (const { pixels } of prepared) deps.pipeline.release(pixels)
  signal.throwIfAborted()

  const allFailed = await stillOpen([...failed, ...encoded.failed], modelId, deps.repository)
  if (allFailed.some(({ error }) => outageOf(error) === 'store')) await deps.gate.verdict('store')
  const plan = planRetries(batch, allFailed, deps.retry, { storeIsAway: deps.gate.isAway('store') })
  const queueOutage = await rejectionOf(scheduleRetries(deps.queue, plan.again))
  if (queueOutage !== null && outageOf(queueOutage) !== 'queue') throw queueOutage
  const { embedded } = encoded
  const retried = plan.again.reduce((sum, { batch: { photos } }) => sum + photos.length, 0)
  await deps.clock.time('write', () =>
    writeOutcome(deps.repository, batch, modelId, { embedded, failures: plan.forGood }),
  )
  // The photos to be tried again are still open: the next delivery finds them and no others.
  if (queueOutage !== null) throw queueOutage
  return {
    embedded: embedded.length,
    failed: plan.forGood.length,
    retried,
    skipped: photos.length - embedded.length - plan.forGood.length - retried,
  }
}

/** A worker that hung until its batch was taken over finds its downloads timed out, and others have done the work. */
async function stillOpen(
  failed: readonly FailedPhoto[],
  modelId: ModelId,
  repository: Pick<IngestRepository, 'photoStates'>,
): Promise<FailedPhoto[]> {
  if (failed.length === 0) return []
  const photos = failed.map(({ photo }) => photo)
  const open = new Set((await unsettled(photos, modelId, repository)).map(({ id }) => id))
  return failed.filter(({ photo }) => open.has(photo.id))
}

/** Photos of a batch that are neither embedded nor failed for good. */
export async function unsettled(
  photos: readonly PhotoRef[],
  modelId: ModelId,
  repository: Pick<IngestRepository, 'photoStates'>,
): Promise<PhotoRef[]> {
  const ids = photos.map(photo => photo.id)
  const { embedded, failed } = await repository.photoStates(modelId, ids)
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
