import type { PhotoFailureCode } from '../errors.js'
import type { LabelSet } from '../labels.js'
import type { ModelIdentity } from '../model.js'
import type { Photo, PhotoRef } from '../photo.js'
import type { Priority } from './queue.js'

/** Row id of a model in the database. */
export type ModelId = number

export interface Run {
  id: string
  modelKey: string
  /** Input of the run, for display: a file, a folder, `--only-missing`. */
  source: string
  createdAt: Date
  /** Null while the producer is still adding batches. */
  enqueuedAt: Date | null
  photos: number
  done: number
  failed: number
  state: RunState
  priority: Priority
  /** Batches that the queue gave up. Their photos are neither embedded nor failed. */
  givenUpBatches: number
  givenUpPhotos: number
  /** Batches that workers received while the run was paused. They wait for it to resume. */
  parkedBatches: number
  parkedPhotos: number
  /** Unfinished batches, without the given-up ones. */
  openBatches: number
  /** Settled photos per second, over the last two minutes. */
  photosPerSecond: number
}

/**
 * `enqueuing`: its producer is still adding batches. `interrupted`: its producer ended before its part was done, and
 * nothing goes on by itself.
 */
export type RunState = 'enqueuing' | 'interrupted' | 'running' | 'paused' | 'cancelled' | 'done'

export interface NewRun {
  id: string
  modelId: ModelId
  /** For display. */
  source: string
  options: Record<string, unknown>
  priority?: Priority
  /** Current definitions, for workers that have none or others of the same name. */
  labelSets?: readonly LabelSet[]
}

export interface NewBatch {
  id: string
  runId: string
  photoIds: string[]
}

export interface Failure {
  photoId: string
  code: PhotoFailureCode
  message: string
  attempts: number
}

export interface Embedded {
  photoId: string
  /** [model.dimension], unit length */
  embedding: Float32Array
  /** Key of the compressed copy in the object store; null when there is none. */
  storedKey: string | null
}

/** Result of a batch, written in one transaction. */
export interface BatchOutcome {
  parentId: string
  modelId: ModelId
  embedded: Embedded[]
  failures: Failure[]
  labelSets: string[]
}

/** The photos of a list that are settled for a model. */
export interface PhotoStates {
  embedded: Set<string>
  failed: Set<string>
}

export interface FailureGroup {
  code: PhotoFailureCode
  photos: number
  /** One example. */
  photoId: string
  message: string
}

export interface Totals {
  photos: number
  embedded: number
  failed: number
  labels: number
}

/** A row that the database refused because of a value. */
export interface RefusedRow {
  /** Position among the given rows. */
  index: number
  /** Message of the database. */
  reason: string
}

/**
 * State of photos and runs. Promises: every write is an idempotent upsert, and each method is one transaction; writing
 * the outcome of a batch twice changes nothing; counts come from the rows themselves and are never incremented.
 */
export interface IngestRepository {
  /** Finds the model, or registers it and creates its table of embeddings. Safe in concurrent processes. */
  registerModel(model: ModelIdentity): Promise<ModelId>
  findModel(key: string): Promise<{ id: ModelId; identity: ModelIdentity } | null>
  /** The default model: the one chosen for searches, else that of the newest run; null in an empty database. */
  latestModel(): Promise<{ id: ModelId; identity: ModelIdentity } | null>
  /**
   * Inserts or updates metadata; null never replaces a known value. If the database refuses rows, the others are
   * written in several transactions.
   * @returns the refused rows
   */
  upsertPhotos(photos: readonly Photo[]): Promise<RefusedRow[]>
  photoStates(modelId: ModelId, photoIds: readonly string[]): Promise<PhotoStates>
  createRun(run: NewRun): Promise<void>
  finishEnqueue(runId: string): Promise<void>
  /**
   * Records batches before they are enqueued. An unsettled batch of an earlier run moves to this run.
   * @returns ids of the batches that a worker had parked because their run was paused, or dropped because it was
   * cancelled; one of them may still be leaving the queue
   */
  addBatches(batches: readonly NewBatch[]): Promise<Set<string>>
  recordOutcome(outcome: BatchOutcome): Promise<void>
  run(runId: string): Promise<Run | null>
  /** The newest first. @param options `withEmpty`: also interrupted runs without a photo; default: true */
  runs(limit: number, options?: { withEmpty?: boolean }): Promise<Run[]>
  totals(modelId: ModelId): Promise<Totals>
  failureGroups(modelId: ModelId): Promise<FailureGroup[]>
  /** Photos without an embedding of this model, ordered by id, as a stream of pages. */
  missingPhotos(modelId: ModelId, pageSize: number): AsyncIterable<PhotoRef[]>
  /** Photos that failed for good, optionally with one code, as a stream of pages. */
  failedPhotos(modelId: ModelId, code: PhotoFailureCode | undefined, pageSize: number): AsyncIterable<PhotoRef[]>
  clearFailures(modelId: ModelId, photoIds: readonly string[]): Promise<void>
}

export interface LabelCount {
  label: string
  photos: number
}

export interface LabelSample {
  photoId: string
  label: string
  score: number
}

export interface LabelledPhoto {
  photo: Photo
  label: string
  score: number
}

export interface LabelProgress {
  /** Whether the definition is coming: readers do not see it yet. */
  coming: boolean
  /** Photos with an embedding of the model. */
  photos: number
  labelled: number
}

/** Zero-shot labels, predicted in SQL from stored embeddings. */
export interface LabelRepository {
  /** Whether exactly this definition is current, that is, visible to readers. */
  hasPrompts(modelId: ModelId, set: LabelSet): Promise<boolean>
  /**
   * Stores a label set with the embeddings of its prompts. A new set is current at once, without labels. Another
   * definition of a known set is coming: readers see the old one and its labels until `labelPhotos` has labelled every
   * photo, and new photos get labels of both. It replaces a different definition that was coming.
   * @param embeddings one per label, in order, unit length
   * @returns whether the definition is current now; if false, `labelPhotos` makes it current
   */
  savePrompts(modelId: ModelId, set: LabelSet, embeddings: readonly Float32Array[]): Promise<boolean>
  /**
   * Labels every embedded photo that has no label of this set yet, then makes the coming definition current atomically.
   * Labels of a new set are readable as they come. A stopped call continues the next time; concurrent calls share the
   * work.
   */
  labelPhotos(
    modelId: ModelId,
    setName: string,
    onProgress?: (labelled: number) => void,
    signal?: AbortSignal,
  ): Promise<number>
  /** Drops the coming definition of a set and its labels. @returns whether there was one */
  cancelChange(modelId: ModelId, setName: string): Promise<boolean>
  /** Progress of the coming definition, else of the current one; null for an unknown set. Counts rows. */
  labelProgress(modelId: ModelId, setName: string): Promise<LabelProgress | null>
  labelSets(modelId: ModelId): Promise<LabelSet[]>
  /** In the order of the set's labels; a label without photos counts 0. */
  histogram(modelId: ModelId, setName: string): Promise<LabelCount[]>
  /** Returns the same photos for the same seed. @param size photos per label */
  sample(modelId: ModelId, setName: string, size: number, seed: number): Promise<LabelSample[]>
  /** Every photo with a label of the set, ordered by id, as a stream of pages. */
  labelledPhotos(modelId: ModelId, setName: string, pageSize: number): AsyncIterable<LabelledPhoto[]>
}
