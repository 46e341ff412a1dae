import { batchId } from '../../domain/batch-id.js'
import { type ModelIdentity, modelKey } from '../../domain/model.js'
import type { PhotoRef } from '../../domain/photo.js'
import type { Batch, Priority, Queue } from '../../domain/ports/queue.js'
import type { IngestRepository, ModelId, PhotoStates } from '../../domain/ports/repository.js'
import type { RunRepository, UnfinishedBatch } from '../../domain/ports/run-repository.js'
import { BackPressure } from './back-pressure.js'
import { putIntoQueue } from './put-into-queue.js'
import { applyUrlTemplate } from './url-template.js'
import { type OnWait, throwIfStopped } from './wait-reason.js'

/** Batches recorded and enqueued per round trip. */
export const BATCHES_PER_ROUND = 8

export interface EnqueueDeps {
  repository: Pick<
    IngestRepository,
    'upsertPhotos' | 'photoStates' | 'addBatches' | 'finishEnqueue' | 'missingPhotos' | 'failedPhotos' | 'clearFailures'
  >
  runs: Pick<RunRepository, 'assertWritable' | 'controlOfRun' | 'workers' | 'unfinished'>
  queue: Pick<Queue, 'states' | 'remove' | 'add' | 'counts'>
}

/** Options that all batches of a run share. */
export interface BatchOptions {
  /** The run, recorded by `createRun`. */
  runId: string
  modelId: ModelId
  model: ModelIdentity
  /** Photos per batch, and so per job. */
  photosPerJob: number
  labelSets: readonly string[]
  /** Whether to keep compressed copies. */
  store: boolean
  urlTemplate?: string
  priority?: Priority
  /** Batches in the queue from which on the producer waits. */
  maxWaiting: number
  /** Receives the id of every batch of the run, also of those that were queued before. */
  onBatch?: (batchId: string) => void
  onWait?: OnWait
  /** Called on every poll of the queue, also while waiting. */
  onLook?: () => void
  /** Whether the caller has started workers. */
  ownWorkers?: boolean
  signal?: AbortSignal
}

/** Photos by outcome; the sum is the number of selected photos. */
export interface EnqueueCounts {
  enqueuedPhotos: number
  enqueuedBatches: number
  /** In batches of an earlier run that are still queued or under way. */
  alreadyQueued: number
  alreadyEmbedded: number
  /** Failed permanently in an earlier run; `--retry-failed` retries them. */
  previouslyFailed: number
}

/**
 * Splits photos into batches and enqueues those with unsettled photos. Records batches before it enqueues them, both
 * idempotently: after a crash between the two, the same input enqueues the missing ones.
 */
export class BatchEnqueuer {
  readonly counts: EnqueueCounts = {
    enqueuedPhotos: 0,
    enqueuedBatches: 0,
    alreadyQueued: 0,
    alreadyEmbedded: 0,
    previouslyFailed: 0,
  }
  private pending: PhotoRef[] = []
  private readonly states: PhotoStates = { embedded: new Set(), failed: new Set() }
  private readonly backPressure: BackPressure
  private readonly onWait: OnWait

  /** @param nonce makes the ids of batches new although their contents are not */
  constructor(
    private readonly deps: EnqueueDeps,
    private readonly options: BatchOptions,
    private readonly nonce = '',
  ) {
    const { runId, maxWaiting, onLook, ownWorkers, signal } = options
    this.onWait = options.onWait ?? (() => {})
    this.backPressure = new BackPressure(deps, { runId, maxWaiting, onLook, ownWorkers, signal, onWait: this.onWait })
  }

  /** Photos per call of {@link add} for the fewest round trips. */
  get roundSize(): number {
    return BATCHES_PER_ROUND * this.options.photosPerJob
  }

  /**
   * @param photos with the image URL of the dataset; the template is applied here
   * @param onlyMissing skips settled photos one by one; otherwise skips batches with no other photos
   */
  async add(photos: readonly PhotoRef[], onlyMissing: boolean): Promise<void> {
    throwIfStopped(this.options.signal)
    await this.learnStates(photos)
    for (const photo of photos) {
      if (onlyMissing && this.isSettled(photo.id)) this.forget(photo.id)
      else this.pending.push(this.withUrl(photo))
    }
    if (this.pending.length >= this.options.photosPerJob)
      await this.enqueue(
        this.pending.splice(0, this.pending.length - (this.pending.length % this.options.photosPerJob)),
      )
  }

  /** Enqueues recorded batches unchanged. */
  async addRecorded(batches: readonly UnfinishedBatch[]): Promise<void> {
    throwIfStopped(this.options.signal)
    await this.learnStates(batches.flatMap(batch => batch.photos))
    await this.put(
      batches.map(({ id, photos }) =>
        this.batch(
          photos.map(photo => this.withUrl(photo)),
          id,
        ),
      ),
    )
    for (const { photos } of batches) for (const { id } of photos) this.forget(id)
  }

  /** Enqueues the last, smaller batch. */
  async end(): Promise<void> {
    throwIfStopped(this.options.signal)
    await this.enqueue(this.pending.splice(0))
  }

  private async enqueue(photos: readonly PhotoRef[]): Promise<void> {
    const { photosPerJob } = this.options
    const batches: Batch[] = []
    for (let i = 0; i < photos.length; i += photosPerJob) {
      const refs = photos.slice(i, i + photosPerJob)
      if (refs.some(photo => !this.isSettled(photo.id))) batches.push(this.batch(refs))
    }
    await this.put(batches)
    for (const { id } of photos) this.forget(id)
  }

  private async put(batches: readonly Batch[]): Promise<void> {
    if (batches.length === 0) return
    const { repository, queue } = this.deps
    const { runId, signal, onBatch } = this.options
    await this.backPressure.admit()
    const leaving = await repository.addBatches(
      batches.map(({ id, photos }) => ({ id, runId, photoIds: photos.map(photo => photo.id) })),
    )
    // Also for batches that the database did not know: the queue may remember more than a recreated database.
    const open = batches.filter(({ photos }) => photos.some(photo => !this.isSettled(photo.id)))
    const added = await putIntoQueue(queue, open, { leaving, signal, onWait: this.onWait })
    for (const { id } of open) onBatch?.(id)
    this.counts.enqueuedBatches += added.size
    this.counts.enqueuedPhotos += this.countUnsettled(open.filter(batch => added.has(batch.id)))
    this.counts.alreadyQueued += this.countUnsettled(open.filter(batch => !added.has(batch.id)))
  }

  /** @param recorded id under which the batch was recorded */
  private batch(photos: PhotoRef[], recorded?: string): Batch {
    const { model, runId, store, labelSets, priority = 'normal' } = this.options
    const contents = {
      model: modelKey(model),
      revision: model.revision,
      photos,
      attempt: 1,
      store,
      labelSets: [...labelSets],
    }
    const id = recorded ?? batchId(contents, this.nonce)
    return { id, parentId: id, runId, ...contents, priority }
  }

  private withUrl(photo: PhotoRef): PhotoRef {
    const url = applyUrlTemplate(this.options.urlTemplate, { photoId: photo.id, imageUrl: photo.url })
    return { id: photo.id, url }
  }

  /** Looks up the states of photos, kept until their batch is enqueued. */
  private async learnStates(photos: readonly PhotoRef[]): Promise<void> {
    const { embedded, failed } = await this.deps.repository.photoStates(
      this.options.modelId,
      photos.map(photo => photo.id),
    )
    for (const { id } of photos) {
      if (embedded.has(id)) this.counts.alreadyEmbedded++
      else if (failed.has(id)) this.counts.previouslyFailed++
    }
    for (const id of embedded) this.states.embedded.add(id)
    for (const id of failed) this.states.failed.add(id)
  }

  private forget(photoId: string): void {
    this.states.embedded.delete(photoId)
    this.states.failed.delete(photoId)
  }

  private isSettled(photoId: string): boolean {
    return this.states.embedded.has(photoId) || this.states.failed.has(photoId)
  }

  private countUnsettled(batches: readonly Batch[]): number {
    return batches.flatMap(batch => batch.photos).filter(photo => !this.isSettled(photo.id)).length
  }
}
