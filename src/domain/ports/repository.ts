import type { PhotoFailureCode } from '../errors.js'
import type { LabelSet } from '../labels.js'
import type { ModelIdentity } from '../model.js'
import type { Photo, PhotoColumn, PhotoRef } from '../photo.js'

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
  /** The model of the newest run, used where none is named; null in an empty database. */
  latestModel(): Promise<{ id: ModelId; identity: ModelIdentity } | null>
  /** Inserts or updates metadata; a known value is never replaced by null. */
  upsertPhotos(photos: readonly Photo[]): Promise<void>
  photoStates(modelId: ModelId, photoIds: readonly string[]): Promise<PhotoStates>
  createRun(run: { id: string; modelId: ModelId; source: string; options: Record<string, unknown> }): Promise<void>
  finishEnqueue(runId: string): Promise<void>
  /**
   * Records batches before they are enqueued.
   * @returns ids of the given batches that were already recorded, by an earlier run with the same contents
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

/** Zero-shot labels, predicted in SQL from stored embeddings. */
export interface LabelRepository {
  /** Whether the prompts of exactly this definition are stored for this model. */
  hasPrompts(modelId: ModelId, set: LabelSet): Promise<boolean>
  /**
   * Stores a label set with the embeddings of its prompts. A changed definition replaces the old one and drops the labels
   * that were predicted with it.
   * @param embeddings one a label, in order, unit length
   */
  savePrompts(modelId: ModelId, set: LabelSet, embeddings: readonly Float32Array[]): Promise<void>
  /** Labels every embedded photo that has no label of this set yet; in pages, so that it can be stopped and continued. */
  labelPhotos(
    modelId: ModelId,
    setName: string,
    onProgress?: (labelled: number) => void,
    signal?: AbortSignal,
  ): Promise<number>
  labelSets(modelId: ModelId): Promise<LabelSet[]>
  /** In the order of the set's labels; a label that no photo got counts 0. */
  histogram(modelId: ModelId, setName: string): Promise<LabelCount[]>
  /** The same photos for the same seed. @param size photos a label */
  sample(modelId: ModelId, setName: string, size: number, seed: number): Promise<LabelSample[]>
}

export type FilterOperator = '=' | '!=' | '<' | '<=' | '>' | '>=' | '~'

/** Condition on a metadata column. `~`: contains, ignoring case. The value is cast to the column's type. */
export interface ColumnFilter {
  column: PhotoColumn
  operator: FilterOperator
  value: string
}

export interface LabelFilter {
  set: string
  label: string
  /** Least score, in [0, 1]. */
  minScore?: number
}

export interface SearchOptions {
  k: number
  offset?: number
  labels?: readonly LabelFilter[]
  where?: readonly ColumnFilter[]
}

export interface Hit {
  photoId: string
  /** Cosine similarity to the query, in [-1, 1]. */
  score: number
  photo: Photo
  /** Label and score by label set. */
  labels: Record<string, { label: string; score: number }>
  storedKey: string | null
}

export interface PhotoDetails {
  photo: Photo
  /** One a model that has embedded it, or failed to. */
  states: {
    modelId: ModelId
    modelKey: string
    embeddedAt: Date | null
    storedKey: string | null
    failure: Failure | null
    labels: Record<string, { label: string; score: number; scores: Record<string, number> }>
  }[]
}

/** Exact semantic search. Hits come by falling score, then by id; the same question always gets the same answer. */
export interface SearchRepository {
  /** @param query [dimension], any length but zero */
  search(modelId: ModelId, query: Float32Array, options: SearchOptions): Promise<Hit[]>
  /** Nearest to a photo that is embedded, itself left out. Rejects with AppError NOT_EMBEDDED. */
  similar(modelId: ModelId, photoId: string, options: SearchOptions): Promise<Hit[]>
  photo(photoId: string): Promise<PhotoDetails | null>
}
