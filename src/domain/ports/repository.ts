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
  /** What was ingested, for people: a file, a folder, `--only-missing`. */
  source: string
  createdAt: Date
  /** Null while the producer is still adding batches. */
  enqueuedAt: Date | null
  photos: number
  done: number
  failed: number
  state: RunState
  priority: Priority
  /** Batches that the queue gave up; their photos are neither embedded nor failed. */
  givenUpBatches: number
  givenUpPhotos: number
  /** Batches that workers were handed while the run was paused, and that wait for it to be resumed. */
  parkedBatches: number
  parkedPhotos: number
  /** Batches in which something is left to do, those given up not counted. */
  openBatches: number
  /** Photos settled a second over the last two minutes. */
  photosPerSecond: number
}

/** `enqueuing`: its producer is still adding batches. */
export type RunState = 'enqueuing' | 'running' | 'paused' | 'cancelled' | 'done'

export interface NewRun {
  id: string
  modelId: ModelId
  /** For people. */
  source: string
  options: Record<string, unknown>
  priority?: Priority
  /** As they are now, for workers that do not have them, or have other ones of the same name. */
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
  /** Key of the compressed copy in the object store; null when none is kept. */
  storedKey: string | null
}

/** What a batch came to; written in one transaction. */
export interface BatchOutcome {
  parentId: string
  modelId: ModelId
  embedded: Embedded[]
  failures: Failure[]
  labelSets: string[]
}

/** Which photos of a list are settled for a model. */
export interface PhotoStates {
  embedded: Set<string>
  failed: Set<string>
}

export interface FailureGroup {
  code: PhotoFailureCode
  photos: number
  /** One example, to see what it is about. */
  photoId: string
  message: string
}

export interface Totals {
  photos: number
  embedded: number
  failed: number
  labels: number
}

/**
 * State of photos and runs. Promises: every write is an idempotent upsert, and each method is one transaction; writing
 * the outcome of a batch twice changes nothing; counts are computed from the rows themselves, never incremented.
 */
export interface IngestRepository {
  /** Registers the model (creating its table of embeddings) or finds it; safe from several processes at once. */
  registerModel(model: ModelIdentity): Promise<ModelId>
  findModel(key: string): Promise<{ id: ModelId; identity: ModelIdentity } | null>
  /** The model used where none is named: the one chosen for searches, else that of the newest run; null in an empty database. */
  latestModel(): Promise<{ id: ModelId; identity: ModelIdentity } | null>
  /** Inserts or updates metadata; a known value is never replaced by null. */
  upsertPhotos(photos: readonly Photo[]): Promise<void>
  photoStates(modelId: ModelId, photoIds: readonly string[]): Promise<PhotoStates>
  createRun(run: NewRun): Promise<void>
  finishEnqueue(runId: string): Promise<void>
  /**
   * Records batches before they are enqueued. One that an earlier run recorded and that is not settled moves to this run.
   * @returns ids of those that a worker had parked because that run was paused, or let go because it was cancelled; one may
   * still be leaving the queue
   */
  addBatches(batches: readonly NewBatch[]): Promise<Set<string>>
  recordOutcome(outcome: BatchOutcome): Promise<void>
  run(runId: string): Promise<Run | null>
  runs(limit: number): Promise<Run[]>
  totals(modelId: ModelId): Promise<Totals>
  failureGroups(modelId: ModelId): Promise<FailureGroup[]>
  /** Photos in the database without embedding of this model, in the order of their ids, as a stream of pages. */
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
  /** Whether the definition is on its way, unseen by readers. */
  coming: boolean
  /** Embedded with the model. */
  photos: number
  labelled: number
}

/** Zero-shot labels, predicted in SQL from stored embeddings. */
export interface LabelRepository {
  /** Whether exactly this definition is the current one, which readers see. */
  hasPrompts(modelId: ModelId, set: LabelSet): Promise<boolean>
  /**
   * Stores a label set with the embeddings of its prompts. A new set is current at once, without labels. Another definition
   * of a known one is coming: readers have the old one and its labels until `labelPhotos` has labelled every photo, and what
   * is embedded meanwhile is labelled under both. One that was coming before, and is another, is dropped.
   * @param embeddings one a label, in order, unit length
   * @returns whether it is current now; false: `labelPhotos` makes it so
   */
  savePrompts(modelId: ModelId, set: LabelSet, embeddings: readonly Float32Array[]): Promise<boolean>
  /**
   * Labels every embedded photo that has no label of this set yet, and then makes the coming definition current in one
   * moment. Labels of a new set can be read as they come. It can be stopped and goes on the next time; several at the same
   * time share the work.
   */
  labelPhotos(
    modelId: ModelId,
    setName: string,
    onProgress?: (labelled: number) => void,
    signal?: AbortSignal,
  ): Promise<number>
  /** Drops the coming definition of a set and its labels. @returns whether there was one */
  cancelChange(modelId: ModelId, setName: string): Promise<boolean>
  /** How far the coming definition is or, without one, the current; null for a set that is not stored. Counts rows. */
  labelProgress(modelId: ModelId, setName: string): Promise<LabelProgress | null>
  labelSets(modelId: ModelId): Promise<LabelSet[]>
  /** In the order of the set's labels; a label that no photo got counts 0. */
  histogram(modelId: ModelId, setName: string): Promise<LabelCount[]>
  /** The same photos for the same seed. @param size photos a label */
  sample(modelId: ModelId, setName: string, size: number, seed: number): Promise<LabelSample[]>
  /** Every photo with a label of the set, in the order of their ids, as a stream of pages. */
  labelledPhotos(modelId: ModelId, setName: string, pageSize: number): AsyncIterable<LabelledPhoto[]>
}
