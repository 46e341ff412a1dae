import { batchId } from '../domain/batch-id.js'
import { type ModelIdentity, modelKey } from '../domain/model.js'
import type { PhotoRef } from '../domain/photo.js'
import type { Batch, Priority, Queue } from '../domain/ports/queue.js'
import type { IngestRepository, ModelId, PhotoStates } from '../domain/ports/repository.js'
import type { RunRepository, UnfinishedBatch } from '../domain/ports/run-repository.js'
import { BackPressure } from './back-pressure.js'
import { type OnHold, throwIfStopped } from './hold.js'
import { putIntoQueue } from './put-into-queue.js'
import { applyUrlTemplate } from './url-template.js'

/** Batches that are recorded and enqueued together: one round trip of each kind for 8 × 64 photos. */
export const BATCHES_PER_ROUND = 8

export interface EnqueueDeps {
  repository: Pick<
    IngestRepository,
    'upsertPhotos' | 'photoStates' | 'addBatches' | 'finishEnqueue' | 'missingPhotos' | 'failedPhotos' | 'clearFailures'
  >
  runs: Pick<RunRepository, 'controlOfRun' | 'workers' | 'unfinished'>
  queue: Pick<Queue, 'states' | 'remove' | 'add' | 'counts'>
}

/** What the batches of a run have in common. */
export interface BatchOptions {
  /** Of a run that `createRun` has recorded. */
  runId: string
  modelId: ModelId
  model: ModelIdentity
  /** Photos a batch. */
  batchSize: number
  labelSets: readonly string[]
  /** Whether compressed copies are kept. */
  store: boolean
  urlTemplate?: string
  priority?: Priority
  /** Batches in the queue from which on the producer waits. */
  maxWaiting: number
  /** Given the id of every batch that the run asks for, also of those that were in the queue already. */
  onBatch?: (batchId: string) => void
  onHold?: OnHold
  /** Called at every look at the queue, also while the producer waits. */
  onLook?: () => void
  signal?: AbortSignal
}

/** What became of the photos; together they are all photos that were chosen. */
export interface EnqueueCounts {
  enqueuedPhotos: number
  enqueuedBatches: number
  /** In batches that an earlier run enqueued and that are still waiting or worked on. */
  alreadyQueued: number
  alreadyEmbedded: number
  /** Failed for good, in an earlier run; `--retry-failed` tries them again. */
  previouslyFailed: number
}

/**
 * Cuts photos into batches and enqueues those in which something is left to do. Batches are recorded before they are
 * enqueued and both are idempotent: after a crash between the two, the same input enqueues what is missing.
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
  private readonly onHold: OnHold

  /** @param nonce makes the ids of batches new although their contents are not */
  constructor(
    private readonly deps: EnqueueDeps,
    private readonly options: BatchOptions,
    private readonly nonce = '',
  ) {
    const { runId, maxWaiting, onLook, signal } = options
    this.onHold = options.onHold ?? (() => {})
    this.backPressure = new BackPressure(deps, { runId, maxWaiting, onLook, signal, onHold: this.onHold })
  }

  /** Photos a call of {@link add} should bring, for the fewest round trips. */
  get roundSize(): number {
    return BATCHES_PER_ROUND * this.options.batchSize
  }

  /**
   * @param photos with the URL of their image as in the dataset; the template is applied here
   * @param onlyMissing leaves out settled photos one by one; else batches are left out that hold no other
   */
  async add(photos: readonly PhotoRef[], onlyMissing: boolean): Promise<void> {
    throwIfStopped(this.options.signal)
    await this.learnStates(photos)
    for (const photo of photos) {
      if (onlyMissing && this.isSettled(photo.id)) this.forget(photo.id)
      else this.pending.push(this.withUrl(photo))
    }
    if (this.pending.length >= this.options.batchSize)
      await this.enqueue(this.pending.splice(0, this.pending.length - (this.pending.length % this.options.batchSize)))
  }

  /** Enqueues batches that were recorded before, as they are. */
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
    const { batchSize } = this.options
    const batches: Batch[] = []
    for (let i = 0; i < photos.length; i += batchSize) {
      const refs = photos.slice(i, i + batchSize)
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
    // Also for batches that the database did not know: the queue may remember more than a database that was made anew.
    const open = batches.filter(({ photos }) => photos.some(photo => !this.isSettled(photo.id)))
    const added = await putIntoQueue(queue, open, { leaving, signal, onHold: this.onHold })
    for (const { id } of open) onBatch?.(id)
    this.counts.enqueuedBatches += added.size
    this.counts.enqueuedPhotos += this.countUnsettled(open.filter(batch => added.has(batch.id)))
    this.counts.alreadyQueued += this.countUnsettled(open.filter(batch => !added.has(batch.id)))
  }

  /** @param recorded the id under which the batch was recorded before */
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

  /** What is known of photos until their batch is enqueued. */
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
