import type { LabelSet } from '../labels.js'
import type { PhotoRef } from '../photo.js'
import type { Batch } from './queue.js'
import type { FailureGroup, ModelId } from './repository.js'

/** What was asked of a run. `cancelled` is for good. */
export type RunControl = 'active' | 'paused' | 'cancelled'

export interface WorkerReport {
  /** Of this process, made anew at every start. */
  id: string
  host: string
  pid: number
  /** `name@precision`; of several the one it was started with. */
  model: string
  startedAt: Date
  /** Photos since the start. */
  embedded: number
  failed: number
  /** Photos settled a second, lately. */
  photosPerSecond: number
  /** Photos in its hands, by run. */
  inHand: Record<string, number>
  /** What keeps it from working, for people: the database, the queue or the object store is away. Null: nothing. */
  trouble: string | null
}

export interface SeenWorker extends WorkerReport {
  seenAt: Date
}

export interface ParkedBatch {
  /** As it was in the queue. */
  batch: Batch
  /** Names this parking: the same batch may be put back and parked again. */
  parkedAt: string
}

/** A batch in which something is left to do. */
export interface UnfinishedBatch {
  id: string
  /** All of its photos, the settled ones too, with the URL of their image as it was ingested. */
  photos: PhotoRef[]
}

/** Batches that were given up for the same reason, with an example. */
export interface GivenUpGroup {
  code: string
  batches: number
  photos: number
  message: string
}

/** What became of the photos of some batches, by the run that these belong to now. */
export interface BatchesProgress {
  runId: string
  control: RunControl
  photos: number
  done: number
  failed: number
  /** Batches in which something is left to do. */
  openBatches: number
  /** Those among them that the queue gave up. */
  givenUpBatches: number
}

/**
 * What is asked of runs, and who works. Promises: `setAside` and `setControl` exclude each other, so that a batch is either
 * worked on, parked or let go, whatever happens at the same moment; everything may be repeated.
 */
export interface RunRepository {
  /** What is asked of the run that a batch belongs to now; a batch that nobody recorded is active. */
  controlOfBatch(parentId: string): Promise<RunControl>
  controlOfRun(runId: string): Promise<RunControl>
  /**
   * For a batch from the queue whose run is not active: parks it (paused) or lets it go (cancelled). Then it may leave the
   * queue.
   * @returns what was done: `active` is nothing, since the run goes on; the batch is to be worked on
   */
  setAside(batch: Batch): Promise<RunControl>
  /** @returns what was asked before. Rejects with AppError NOT_FOUND, or USAGE for a run that was cancelled */
  setControl(runId: string, control: RunControl): Promise<RunControl>
  /** Batches of a run that are parked, as a stream of pages. */
  parked(runId: string, pageSize: number): AsyncIterable<ParkedBatch[]>
  /** Forgets these parkings: the batches are in the queue again. One that was parked anew since then stays parked. */
  unpark(parked: readonly ParkedBatch[]): Promise<void>
  /** Ids of the run's batches in which something is left to do, as a stream of pages. */
  openBatches(runId: string, pageSize: number): AsyncIterable<string[]>
  /** The batches of a model, or of one run, in which something is left to do; for a run without those given up. */
  unfinished(of: { modelId: ModelId } | { runId: string }, pageSize: number): AsyncIterable<UnfinishedBatch[]>
  progressOf(batchIds: readonly string[]): Promise<BatchesProgress[]>
  /** Ids of runs that start with this text, the newest first; the one with exactly this id alone. */
  findRuns(prefix: string, limit: number): Promise<string[]>
  /** What the run was started with: `options` of `NewRun`. */
  optionsOfRun(runId: string): Promise<Record<string, unknown>>
  /** The queue has given a batch up, after its last delivery. Adding it again, or settling it, clears this. */
  giveUp(parentId: string, code: string, message: string): Promise<void>
  /**
   * The label sets that a run asks for. Of several definitions of one name, that of the newest run with the same model
   * counts, so that workers on different runs do not undo each other's labels.
   */
  labelSets(runId: string): Promise<LabelSet[]>
  /** Failures of the photos of one run, by code. */
  failuresOfRun(runId: string): Promise<FailureGroup[]>
  /** Why batches of a run were given up, by code, with an example. */
  givenUpOfRun(runId: string): Promise<GivenUpGroup[]>
  /** Says that a worker is alive, and forgets those that were not seen for a day. */
  report(worker: WorkerReport): Promise<void>
  leave(workerId: string): Promise<void>
  /** Seen within `withinMs`, default half a minute, the database's clock counts. */
  workers(withinMs?: number): Promise<SeenWorker[]>
}
