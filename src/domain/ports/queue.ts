import type { PhotoRef } from '../photo.js'

/** One job: a batch of photos to embed with one model. Small enough for a queue: ids and URLs, no metadata. */
export interface Batch {
  /** Derived from the contents (see `batchId`), so that the same batch enqueued twice is one job. */
  id: string
  /** The batch row of the database this belongs to: its own id, or, for photos tried again, the id of their first batch. */
  parentId: string
  runId: string
  /** `name@precision` */
  model: string
  /** Revision of the model's files that the run was started with; a worker with another one refuses the batch. */
  revision: string
  photos: PhotoRef[]
  /** 1 on the first try of these photos, counted up whenever some are tried again. */
  attempt: number
  /** Whether compressed copies are kept. */
  store: boolean
  /** Label sets to predict, by name. */
  labelSets: string[]
}

export interface QueueCounts {
  waiting: number
  active: number
  /** Waiting for a moment in the future: photos that are tried again later, or jobs in backoff. */
  delayed: number
  /** Jobs that failed every attempt, for instance because the database stayed away. */
  failed: number
}

export type BatchState = 'waiting' | 'active' | 'delayed' | 'failed' | 'absent'

export interface ConsumeOptions {
  /** Batches handled at the same time, so that their stages overlap. */
  concurrency: number
  /** A worker that stays silent this long is taken for dead and its batches are handed to others. */
  lockMs: number
  /** Called for troubles of the connection; consuming goes on once it is back. */
  onError: (error: Error) => void
}

export interface Consumer {
  /** Takes no new batch, waits for those in hand, then lets go. */
  close(): Promise<void>
  /** Lets go at once: batches in hand go back to the queue after `lockMs`. */
  abort(): Promise<void>
}

/**
 * Hands batches from producers to workers. Promises: a batch that was added is delivered at least once, also when the
 * worker that holds it dies; a batch whose id is already waiting, active or delayed is not added again; a batch whose
 * handler rejects is delivered again with exponential backoff, up to a limit, and then counts as failed; batches done
 * leave nothing behind. Adding is all or nothing a call. Failures to reach the server reject with AppError
 * QUEUE_UNREACHABLE on opening and on adding; consuming survives them.
 */
export interface Queue {
  /** For people: `redis://host:6379` or `postgres (embedded)`. Holds no credentials. */
  readonly location: string
  /** @param delayMs not before so many ms from now */
  add(batches: readonly Batch[], options?: { delayMs?: number }): Promise<void>
  state(batchId: string): Promise<BatchState>
  /** Removes a failed batch, so that it can be added again. */
  forget(batchId: string): Promise<void>
  counts(): Promise<QueueCounts>
  consume(handle: (batch: Batch, signal: AbortSignal) => Promise<void>, options: ConsumeOptions): Promise<Consumer>
  close(): Promise<void>
}
