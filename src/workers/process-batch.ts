import { AppError } from '../domain/errors.js'
import { type ModelIdentity, modelKey } from '../domain/model.js'
import type { PhotoRef } from '../domain/photo.js'
import type { Encoder } from '../domain/ports/encoder.js'
import type { Batch, Queue } from '../domain/ports/queue.js'
import type { IngestRepository, ModelId } from '../domain/ports/repository.js'
import { encodePhotos } from './encode.js'
import type { Prompts } from './label.js'
import { type ImagePipeline, type Limits, preparePhotos } from './prepare.js'
import { planRetries, type RetrySettings, scheduleRetries } from './retry.js'
import { writeOutcome } from './write.js'

export interface BatchDeps {
  repository: Pick<IngestRepository, 'photoStates' | 'recordOutcome'>
  queue: Pick<Queue, 'add' | 'state' | 'forget'>
  encoder: Encoder
  modelId: ModelId
  prompts: Prompts
  pipeline: ImagePipeline
  limits: Limits
  retry: RetrySettings
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
 * Rejects, to be delivered again later, when the batch is not for this worker or when the database, the queue or the
 * object store is away; with the signal's reason when that is aborted before the transaction.
 */
export async function processBatch(batch: Batch, deps: BatchDeps, signal: AbortSignal): Promise<BatchReport> {
  assertSameModel(batch, deps.encoder.model)
  const photos = distinct(batch.photos)
  const open = await unsettled(photos, deps)
  if (open.length > 0) await deps.prompts.ensure(batch.labelSets)

  const { pipeline, limits, encoder } = deps
  const { prepared, failed } = await preparePhotos(open, { pipeline, limits, store: batch.store, signal })
  const encoded = await encodePhotos(encoder, prepared)
  signal.throwIfAborted()

  const plan = planRetries(batch, [...failed, ...encoded.failed], deps.retry)
  await scheduleRetries(deps.queue, plan.again)
  const { embedded } = encoded
  await writeOutcome(deps.repository, batch, deps.modelId, { embedded, failures: plan.forGood })
  return {
    embedded: embedded.length,
    failed: plan.forGood.length,
    retried: open.length - embedded.length - plan.forGood.length,
    skipped: photos.length - open.length,
  }
}

async function unsettled(photos: readonly PhotoRef[], deps: BatchDeps): Promise<PhotoRef[]> {
  const ids = photos.map(photo => photo.id)
  const { embedded, failed } = await deps.repository.photoStates(deps.modelId, ids)
  return photos.filter(photo => !embedded.has(photo.id) && !failed.has(photo.id))
}

function distinct(photos: readonly PhotoRef[]): PhotoRef[] {
  return [...new Map(photos.map(photo => [photo.id, photo])).values()]
}

/** The batch goes back to the queue, where a worker with its model may take it. */
function assertSameModel(batch: Batch, model: ModelIdentity): void {
  const key = modelKey(model)
  if (batch.model === key && batch.revision === model.revision) return
  throw new AppError(
    'WORKER_FAILED',
    `Batch ${batch.id} is for ${batch.model} (revision ${batch.revision}), this worker has ${key} (revision ` +
      `${model.revision}). Start a worker with --model ${batch.model} and the same model files.`,
  )
}
