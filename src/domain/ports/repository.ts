import type { PhotoFailureCode } from '../errors.js'
import type { LabelSet } from '../labels.js'
import type { ModelIdentity } from '../model.js'
import type { FileMetadata, Photo, PhotoRef, StoredPhotoRef } from '../photo.js'
import type { PhotoVersion } from '../places/photo-version.js'
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
  /** Settled photos per second: over the last two minutes; of a run that is done, over all of its time. */
  photosPerSecond: number
}

/**
 * `enqueuing`: its producer is still adding batches. `waiting for workers`: all is enqueued, and no worker is alive.
 * `interrupted`: its producer ended before its part was done, and nothing goes on by itself.
 */
export type RunState = 'enqueuing' | 'interrupted' | 'running' | 'waiting for workers' | 'paused' | 'cancelled' | 'done'

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

/**
 * What a batch is made from: the original images, the stored copies, or the originals once more, if they have changed since
 * they were embedded.
 */
export type BatchKind = 'originals' | 'copies' | 'refresh'

export interface NewBatch {
  id: string
  runId: string
  /** Default: originals. */
  kind?: BatchKind
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
  /** What the file says about the photo: fills unknown columns. */
  metadata?: FileMetadata | null
  /** The version of the image; null: nothing is known of it. */
  version?: PhotoVersion | null
}

/** An embedded photo. */
export interface EmbeddedVersion {
  version: PhotoVersion | null
  hasCopy: boolean
}

/** Result of a batch, written in one transaction. */
export interface BatchOutcome {
  parentId: string
  modelId: ModelId
  embedded: Embedded[]
  failures: Failure[]
  /** In a batch that refreshes: photos whose image is the embedded one. */
  unchanged?: { photoId: string; version: PhotoVersion }[]
  labelSets: string[]
  /**
   * Keys under which copies of the other photos of the batch may lie, by photo id: a worker that was killed has told nobody.
   * Those of photos that were removed are to be deleted.
   */
  possibleCopies?: Record<string, string>
}

/** The photos of a list that are settled for a model. */
export interface PhotoStates {
  embedded: Set<string>
  failed: Set<string>
}

export interface FailureGroup {
  code: PhotoFailureCode
  photos: number
  /** One example, and the address of its image. */
  photoId: string
  url?: string
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
  /**
   * @param refreshOf a run that refreshes: an embedded photo is settled once it was checked since the run began, and counts
   * as failed if that failed
   */
  photoStates(modelId: ModelId, photoIds: readonly string[], refreshOf?: string): Promise<PhotoStates>
  /** Which versions are embedded of those photos that are. */
  embeddedVersions(modelId: ModelId, photoIds: readonly string[]): Promise<Map<string, EmbeddedVersion>>
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
  /** The newest first. @param options `withEmpty`: also runs that are over without a photo; default: true */
  runs(limit: number, options?: { withEmpty?: boolean }): Promise<Run[]>
  totals(modelId: ModelId): Promise<Totals>
  failureGroups(modelId: ModelId): Promise<FailureGroup[]>
  /** Photos without an embedding of this model, ordered by id, as a stream of pages. */
  missingPhotos(modelId: ModelId, pageSize: number): AsyncIterable<StoredPhotoRef[]>
  /** Photos without an embedding of this model that have a stored copy: their URLs name it. As a stream of pages. */
  copiedPhotos(modelId: ModelId, pageSize: number): AsyncIterable<PhotoRef[]>
  /** As `copiedPhotos`, of the photos that failed for good, optionally with one code. */
  failedCopies(modelId: ModelId, code: PhotoFailureCode | undefined, pageSize: number): AsyncIterable<PhotoRef[]>
  /** Photos that failed for good, optionally with one code and of one run, as a stream of pages. */
  failedPhotos(
    modelId: ModelId,
    code: PhotoFailureCode | undefined,
    pageSize: number,
    ofRun?: string,
  ): AsyncIterable<StoredPhotoRef[]>
  /** Whether any photo is fetched by a template. */
  hasTemplates(): Promise<boolean>
  /** Notes the URL template of photos, for later runs that read them from the database. Null: none. */
  rememberTemplate(photoIds: readonly string[], template: string | null): Promise<void>
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
  /**
   * Labels of a set that the model takes for one and the same, because it does not know their words: the embeddings of
   * their prompts are equal. In the order of the set; empty when all differ.
   */
  equalLabels(modelId: ModelId, setName: string): Promise<string[]>
  /** Removes a set with its labels. @returns the number of labels. Rejects with NOT_FOUND for an unknown set */
  removeSet(modelId: ModelId, setName: string): Promise<number>
  /** In the order of the set's labels; a label without photos counts 0. */
  histogram(modelId: ModelId, setName: string): Promise<LabelCount[]>
  /** Returns the same photos for the same seed. @param size photos per label */
  sample(modelId: ModelId, setName: string, size: number, seed: number): Promise<LabelSample[]>
  /** Every photo with a label of the set, ordered by id, as a stream of pages. */
  labelledPhotos(modelId: ModelId, setName: string, pageSize: number): AsyncIterable<LabelledPhoto[]>
}

/** What a person says about the label of a photo. */
export interface LabelMark {
  photoId: string
  label: string
  /** Null: takes back an earlier mark. */
  correct: boolean | null
  /** Whether the photo was drawn at random: only such marks measure the precision. */
  atRandom: boolean
}

/** Marks of photos that were drawn at random and still have the label. */
export interface LabelMarkCount {
  label: string
  checked: number
  correct: number
}

/** A photo to be looked at, with its mark. */
export interface LabelReviewSample extends LabelSample {
  storedKey: string | null
  /** Its title or description; null: it has none. */
  description: string | null
  /** Whether it was marked as right; null: it was not marked. */
  mark: boolean | null
}

/** Marks belong to the current definition of a set. Those of earlier definitions are kept and neither shown nor counted. */
export interface LabelMarkRepository {
  /** Photos of each label, drawn at random; the same for the same seed. @param size photos per label */
  drawn(modelId: ModelId, setName: string, size: number, seed: number): Promise<LabelReviewSample[]>
  /** Photos of each label that nobody has marked, by rising margin to the next label. @param size photos per label */
  doubtful(modelId: ModelId, setName: string, size: number): Promise<LabelReviewSample[]>
  /** Photos of each label by falling score. @param size photos per label */
  typical(modelId: ModelId, setName: string, size: number): Promise<LabelReviewSample[]>
  /** Stores marks. @returns those of photos that do not have the label (any more): they are not stored */
  mark(modelId: ModelId, setName: string, marks: readonly LabelMark[]): Promise<LabelMark[]>
  /** Of the labels with a counted mark. */
  counts(modelId: ModelId, setName: string): Promise<LabelMarkCount[]>
}
