import { batchId } from '../../domain/batch-id.js'
import { AppError } from '../../domain/errors.js'
import { type ModelIdentity, modelKey } from '../../domain/model.js'
import type { PhotoRef, StoredPhotoRef } from '../../domain/photo.js'
import { keyOfCopyUrl } from '../../domain/places/copy-key.js'
import { applyUrlTemplate, namedAddress, namesVariables } from '../../domain/places/url-template.js'
import type { PlaceRepository } from '../../domain/ports/place-repository.js'
import type { Batch, Priority, Queue } from '../../domain/ports/queue.js'
import type { BatchKind, IngestRepository, ModelId, PhotoStates } from '../../domain/ports/repository.js'
import type { RunRepository, UnfinishedBatch } from '../../domain/ports/run-repository.js'
import { traced } from '../../domain/tracing/spans.js'
import { BackPressure } from './back-pressure.js'
import { putIntoQueue } from './put-into-queue.js'
import { type OnWait, throwIfStopped } from './wait-reason.js'

/** Batches recorded and enqueued per round trip. */
export const BATCHES_PER_ROUND = 8

export interface EnqueueDeps {
  repository: Pick<
    IngestRepository,
    | 'upsertPhotos'
    | 'photoStates'
    | 'addBatches'
    | 'finishEnqueue'
    | 'missingPhotos'
    | 'copiedPhotos'
    | 'failedCopies'
    | 'failedPhotos'
    | 'clearFailures'
    | 'hasTemplates'
    | 'rememberTemplate'
  >
  runs: Pick<RunRepository, 'assertWritable' | 'controlOfRun' | 'workers' | 'unfinished'>
  /** For the files of folders. */
  places: Pick<PlaceRepository, 'unchanged' | 'record' | 'clearFileFailures'>
  queue: Pick<Queue, 'states' | 'remove' | 'add' | 'counts'>
}

/** With the template that it was ingested with, for photos of the database. */
type TemplatedPhotoRef = Pick<PhotoRef, 'id' | 'url'> & Partial<StoredPhotoRef>

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
  /** This machine, where the files of the batches lie; undefined: no files, or nobody knows. */
  host?: string
  /** What the batches are made from. Default: the originals. */
  kind?: BatchKind
  /** Replaces the templates that photos were ingested with. May name environment variables. */
  urlTemplate?: string
  /** For the variables that templates name. */
  environment?: Readonly<Record<string, string | undefined>>
  /** Templates of the database that may name variables: those that were typed on this machine. */
  ownTemplates?: ReadonlySet<string>
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
  /** Photos of the database whose URL cannot be made on this machine, and why that of the first cannot. */
  leftOut?: { photos: number; reason: string }
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

  private get kind(): BatchKind {
    return this.options.kind ?? 'originals'
  }

  /** Photos per call of {@link add} for the fewest round trips. */
  get roundSize(): number {
    return BATCHES_PER_ROUND * this.options.photosPerJob
  }

  /**
   * @param photos with the image URL of the dataset; the template is applied here, or by workers if it names variables
   * @param onlyMissing skips settled photos one by one; otherwise skips batches with no other photos
   */
  async add(photos: readonly TemplatedPhotoRef[], onlyMissing: boolean): Promise<void> {
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

  /** Whether the URL of a photo of the database can be made here; if not, why. Its template may be of another machine. */
  obstacleOf(photo: TemplatedPhotoRef): string | null {
    try {
      this.withUrl(photo)
      return null
    } catch (error) {
      if (error instanceof AppError) return error.message
      throw error
    }
  }

  /** Those of the photos whose URL can be made here. Counts the others. */
  fetchable<T extends TemplatedPhotoRef>(photos: readonly T[]): T[] {
    return photos.filter(photo => {
      const reason = this.obstacleOf(photo)
      if (reason !== null) this.counts.leftOut = { reason, ...this.counts.leftOut, photos: this.leftOut + 1 }
      return reason === null
    })
  }

  private get leftOut(): number {
    return this.counts.leftOut?.photos ?? 0
  }

  /** Enqueues recorded batches unchanged, but for those with a photo whose URL cannot be made here. */
  async addRecorded(recorded: readonly UnfinishedBatch[]): Promise<void> {
    throwIfStopped(this.options.signal)
    const batches = recorded.filter(({ photos }) => photos.every(photo => this.obstacleOf(photo) === null))
    await this.learnStates(batches.flatMap(batch => batch.photos))
    for (const of of ['originals', 'copies', 'refresh'] as const)
      await this.put(
        batches.filter(({ kind }) => kind === of).map(({ id, photos }) => this.batch(photos.map(this.withUrl), of, id)),
        of,
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
      if (refs.some(photo => !this.isSettled(photo.id))) batches.push(this.batch(refs, this.kind))
    }
    await this.put(batches)
    for (const { id } of photos) this.forget(id)
  }

  private async put(batches: readonly Batch[], kind: BatchKind = this.kind): Promise<void> {
    if (batches.length === 0) return
    const { runId } = this.options
    await this.backPressure.admit()
    const attributes = { 'unsplash_clip.run': runId, 'unsplash_clip.batches': batches.length }
    await traced('enqueue', { attributes }, () => this.record(batches, kind))
  }

  private async record(batches: readonly Batch[], kind: BatchKind): Promise<void> {
    const { repository, queue } = this.deps
    const { runId, signal, onBatch } = this.options
    const leaving = await repository.addBatches(
      batches.map(({ id, photos }) => ({ id, runId, kind, photoIds: photos.map(photo => photo.id) })),
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
  private batch(photos: PhotoRef[], kind: BatchKind, recorded?: string): Batch {
    const { model, runId, store, host, labelSets, priority = 'normal' } = this.options
    const contents = {
      model: modelKey(model),
      revision: model.revision,
      photos,
      attempt: 1,
      store,
      labelSets: [...labelSets],
      ...(kind === 'refresh' ? { refresh: true } : {}),
    }
    const id = recorded ?? batchId(contents, this.nonce)
    const isOfFile = host !== undefined && photos.some(photo => /^file:/i.test(namedAddress(photo)))
    return { id, parentId: id, runId, ...contents, priority, ...(isOfFile ? { host } : {}) }
  }

  private readonly withUrl = (photo: TemplatedPhotoRef): PhotoRef => {
    if (keyOfCopyUrl(photo.url) !== null) return { id: photo.id, url: photo.url }
    const template = this.options.urlTemplate ?? this.trusted(photo.template) ?? undefined
    const { id, url: imageUrl } = photo
    const url = applyUrlTemplate(template, { photoId: id, imageUrl }, this.options.environment)
    return template && namesVariables(template) ? { id, url: imageUrl, template } : { id, url }
  }

  /**
   * The database does not decide which variables of this machine become part of a URL.
   * @throws AppError USAGE for a template with variables that was not typed on this machine
   */
  private trusted(template: string | null | undefined): string | null | undefined {
    if (template && namesVariables(template) && !this.options.ownTemplates?.has(template))
      throw new AppError(
        'USAGE',
        `These photos were ingested with the URL template ${JSON.stringify(template)}, which names environment variables and was not given on this machine. If it is right, give it again, --url-template in single quotes, or name it in the setting ALLOW_TEMPLATES.`,
      )
    return template
  }

  /** Looks up the states of photos, kept until their batch is enqueued. */
  private async learnStates(photos: readonly { id: string }[]): Promise<void> {
    const { embedded, failed } = await this.deps.repository.photoStates(
      this.options.modelId,
      photos.map(photo => photo.id),
      this.kind === 'refresh' ? this.options.runId : undefined,
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
