import type { PhotoFailureCode } from '../errors.js'
import type { LabelSet } from '../labels.js'
import type { StoredPhotoRef } from '../photo.js'
import type { Batch } from './queue.js'
import type { BatchKind, FailureGroup, ModelId } from './repository.js'

/** The requested state of a run. `cancelled` is final. */
export type RunControl = 'active' | 'paused' | 'cancelled'

export interface WorkerReport {
  /** Id of this process, new at every start. */
  id: string
  host: string
  pid: number
  /** `name@precision`; with several models, the one from its start. */
  model: string
  startedAt: Date
  /** Photos since its start. */
  embedded: number
  failed: number
  /** Settled photos per second, recently. */
  photosPerSecond: number
  /** Photos it is processing, by run. */
  inHand: Record<string, number>
  /** What blocks it, for display: the database, the queue or the object store is unreachable. Null: nothing. */
  trouble: string | null
}

export interface SeenWorker extends WorkerReport {
  seenAt: Date
}

export interface ParkedBatch {
  /** As it was in the queue. */
  batch: Batch
  /** Identifies this parking: the same batch may return to the queue and be parked again. */
  parkedAt: string
}

/** A batch with unsettled photos. */
export interface UnfinishedBatch {
  id: string
  kind: BatchKind
  /** All of its photos, including settled ones, with the ingested image URLs, or those of the stored copies. */
  photos: StoredPhotoRef[]
}

/** Photos of a run that refreshes, by what it found. `code`: why a photo failed. */
export interface RefreshCount {
  /** `uncompared`: embedded again, because nothing was known of its version. `failed`: the old embedding stays. */
  outcome: 'new' | 'changed' | 'unchanged' | 'uncompared' | 'failed'
  code: string | null
  photos: number
}

/** Batches given up for the same reason, with an example. */
export interface GivenUpGroup {
  code: string
  batches: number
  photos: number
  message: string
}

/** A photo of a run that failed for good. */
export interface FailedPhoto {
  photoId: string
  code: PhotoFailureCode
  message: string
  /** Null: of a photo that keeps the embedding of an earlier version of its image. */
  attempts: number | null
  url: string
}

/** Results of the photos of some batches, by the current run of the batches. */
export interface BatchesProgress {
  runId: string
  control: RunControl
  photos: number
  done: number
  failed: number
  /** Batches with unsettled photos. */
  openBatches: number
  /** The open batches that the queue gave up. */
  givenUpBatches: number
}

/**
 * Requested states of runs, and active workers. Promises: `setAside` and `setControl` exclude each other, so a batch is
 * either processed, parked or dropped, also under concurrent calls. Every call may be repeated.
 */
export interface RunRepository {
  /** Returns the requested state of a batch's current run. An unrecorded batch is active. */
  controlOfBatch(parentId: string): Promise<RunControl>
  controlOfRun(runId: string): Promise<RunControl>
  /**
   * Sets aside a queued batch whose run is not active: parks it (paused) or drops it (cancelled). Afterwards it may
   * leave the queue.
   * @returns the state that was applied; `active`: the run continues, so process the batch
   */
  setAside(batch: Batch): Promise<RunControl>
  /** @returns the state before. Rejects with AppError NOT_FOUND, or USAGE for a cancelled run */
  setControl(runId: string, control: RunControl): Promise<RunControl>
  /** Parked batches of a run, as a stream of pages. */
  parked(runId: string, pageSize: number): AsyncIterable<ParkedBatch[]>
  /** Removes these parkings after the batches returned to the queue. A batch parked again since then stays parked. */
  unpark(parked: readonly ParkedBatch[]): Promise<void>
  /** Ids of the run's batches with unsettled photos, as a stream of pages. */
  openBatches(runId: string, pageSize: number): AsyncIterable<string[]>
  /**
   * Unfinished batches as a stream of pages: of one run, as they were recorded and without the given-up ones; or of a model,
   * all with the originals of photos, without the batches that refresh embedded photos.
   */
  unfinished(of: { modelId: ModelId } | { runId: string }, pageSize: number): AsyncIterable<UnfinishedBatch[]>
  progressOf(batchIds: readonly string[]): Promise<BatchesProgress[]>
  /** Run ids that start with this text, newest first; only the exact one if it exists. */
  findRuns(prefix: string, limit: number): Promise<string[]>
  /** The run's options: `options` of `NewRun`. */
  optionsOfRun(runId: string): Promise<Record<string, unknown>>
  /** Records that the queue gave a batch up after its last delivery. Adding or settling the batch clears this. */
  giveUp(parentId: string, code: string, message: string): Promise<void>
  /**
   * Returns the label sets of a run. When definitions of one name differ, that of the newest run with the same model
   * counts, so workers on different runs do not undo each other's labels.
   */
  labelSets(runId: string): Promise<LabelSet[]>
  /** Failures of the photos of one run, by code. */
  failuresOfRun(runId: string): Promise<FailureGroup[]>
  /** Failed photos of a run by id, as a page. @param options `after`: id of the last photo of the page before */
  failedPhotosOfRun(runId: string, options: { code?: string; after?: string; limit: number }): Promise<FailedPhoto[]>
  refreshOfRun(runId: string): Promise<RefreshCount[]>
  /** Reasons for given-up batches of a run, by code, with an example. */
  givenUpOfRun(runId: string): Promise<GivenUpGroup[]>
  /**
   * Writes a small row and takes it back; others never see it. Rejects with DATABASE_UNREACHABLE or
   * DATABASE_UNAVAILABLE while the database takes no writes. A user who may not write learns nothing: it resolves.
   */
  assertWritable(): Promise<void>
  /** Reports that a worker is alive, and deletes reports older than a day. */
  report(worker: WorkerReport): Promise<void>
  leave(workerId: string): Promise<void>
  /** Reports that the producer of a run is alive. One that is silent for 30 seconds counts as dead. */
  producerSeen(runId: string): Promise<void>
  /** @param isDone false: it ended before it had done its part */
  producerEnded(runId: string, isDone: boolean): Promise<void>
  /** Workers seen within `withinMs` by the database's clock. Default: half a minute. */
  workers(withinMs?: number): Promise<SeenWorker[]>
}
