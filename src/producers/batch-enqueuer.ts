import { batchId } from '../domain/batch-id.js'
import { AppError } from '../domain/errors.js'
import { type ModelIdentity, modelKey } from '../domain/model.js'
import type { PhotoRef } from '../domain/photo.js'
import type { Batch, Queue } from '../domain/ports/queue.js'
import type { IngestRepository, ModelId, PhotoStates } from '../domain/ports/repository.js'
import { applyUrlTemplate } from './url-template.js'

/** Batches that are recorded and enqueued together: one round trip of each kind for 8 × 64 photos. */
const BATCHES_PER_ROUND = 8

export interface EnqueueDeps {
  repository: IngestRepository
  queue: Queue
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

  /** @param nonce makes the ids of batches new although their contents are not */
  constructor(
    private readonly deps: EnqueueDeps,
    private readonly options: BatchOptions,
    private readonly nonce = '',
  ) {}

  /** Photos a call of {@link add} should bring, for the fewest round trips. */
  get roundSize(): number {
    return BATCHES_PER_ROUND * this.options.batchSize
  }

  /**
   * @param photos with the URL of their image as in the dataset; the template is applied here
   * @param onlyMissing leaves out settled photos one by one; else batches are left out that hold no other
   */
  async add(photos: readonly PhotoRef[], onlyMissing: boolean): Promise<void> {
    throwIfAborted(this.options.signal)
    const { embedded, failed } = await this.deps.repository.photoStates(
      this.options.modelId,
      photos.map(photo => photo.id),
    )
    for (const photo of photos) {
      if (embedded.has(photo.id)) this.counts.alreadyEmbedded++
      else if (failed.has(photo.id)) this.counts.previouslyFailed++
      const settled = embedded.has(photo.id) || failed.has(photo.id)
      if (settled && onlyMissing) continue
      if (embedded.has(photo.id)) this.states.embedded.add(photo.id)
      if (failed.has(photo.id)) this.states.failed.add(photo.id)
      const url = applyUrlTemplate(this.options.urlTemplate, { photoId: photo.id, imageUrl: photo.url })
      this.pending.push({ id: photo.id, url })
    }
    if (this.pending.length >= this.options.batchSize)
      await this.enqueue(this.pending.splice(0, this.pending.length - (this.pending.length % this.options.batchSize)))
  }

  /** Enqueues the last, smaller batch. */
  async end(): Promise<void> {
    throwIfAborted(this.options.signal)
    await this.enqueue(this.pending.splice(0))
  }

  private async enqueue(photos: readonly PhotoRef[]): Promise<void> {
    const { batchSize, runId } = this.options
    const batches: Batch[] = []
    for (let i = 0; i < photos.length; i += batchSize) {
      const refs = photos.slice(i, i + batchSize)
      if (refs.some(photo => !this.isSettled(photo.id))) batches.push(this.batch(refs))
    }
    if (batches.length > 0) {
      const { repository, queue } = this.deps
      await repository.addBatches(
        batches.map(({ id, photos }) => ({ id, runId, photoIds: photos.map(photo => photo.id) })),
      )
      // Also for batches that the database did not know: the queue may remember more than a database that was made anew.
      const absent = await Promise.all(batches.map(batch => this.makeRoom(batch.id)))
      const added = batches.filter((_, i) => absent[i])
      if (added.length > 0) await queue.add(added)
      this.counts.enqueuedBatches += added.length
      this.counts.enqueuedPhotos += this.countUnsettled(added)
      this.counts.alreadyQueued += this.countUnsettled(batches.filter((_, i) => !absent[i]))
    }
    for (const { id } of photos) {
      this.states.embedded.delete(id)
      this.states.failed.delete(id)
    }
  }

  /** @returns whether the queue has no such batch, or only one that failed, which then is removed */
  private async makeRoom(id: string): Promise<boolean> {
    const state = await this.deps.queue.state(id)
    if (state === 'failed') await this.deps.queue.forget(id)
    return state === 'failed' || state === 'absent'
  }

  private batch(photos: PhotoRef[]): Batch {
    const { model, runId, store, labelSets } = this.options
    const contents = {
      model: modelKey(model),
      revision: model.revision,
      photos,
      attempt: 1,
      store,
      labelSets: [...labelSets],
    }
    const id = batchId(contents, this.nonce)
    return { id, parentId: id, runId, ...contents }
  }

  private isSettled(photoId: string): boolean {
    return this.states.embedded.has(photoId) || this.states.failed.has(photoId)
  }

  private countUnsettled(batches: readonly Batch[]): number {
    return batches.flatMap(batch => batch.photos).filter(photo => !this.isSettled(photo.id)).length
  }
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted)
    throw new AppError(
      'INTERRUPTED',
      'Stopped. What was enqueued until here stays; the same command goes on where it stopped.',
      { cause: signal.reason },
    )
}
