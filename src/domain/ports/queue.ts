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
  /** Of its run; batches of a higher one are handed out first. Default: normal. */
  priority?: Priority
  /** It, or a batch that it is a part of, was in hand when a process died: it is worked on with nothing beside it. */
  isolated?: boolean
  /** How often these photos were put off because their copies could not be stored; such tries do not count as attempts. */
  outages?: number
}

export const PRIORITIES = ['high', 'normal', 'low'] as const
export type Priority = (typeof PRIORITIES)[number]

export interface QueueCounts {
  waiting: number
  active: number
  /** Waiting for a moment in the future: photos that are tried again later, or jobs in backoff. */
  delayed: number
  /** Jobs that failed every attempt, for instance because the database stayed away. */
  failed: number
}

export type BatchState = 'waiting' | 'active' | 'delayed' | 'failed' | 'absent'

export interface Delivery {
  /** How often this batch was taken from a worker that fell silent: it died, hung, or was cut off from the queue. */
  stalls: number
  /** Of this batch, counted from 1. Taking over, handing back and {@link Deferred} do not count. */
  attempt: number
  /** A rejection of this delivery makes the batch count as failed. */
  isLast: boolean
}

/**
 * What a handler rejects with when the batch is not to blame (the database is away): it is delivered again later and no
 * attempt is counted.
 */
export class Deferred extends Error {
  override readonly name = 'Deferred'

  /** @param delayMs not before so many ms from now */
  constructor(
    readonly delayMs: number,
    reason?: string,
    options?: ErrorOptions,
  ) {
    super(reason ?? `not before ${delayMs} ms have passed`, options)
  }
}

/** What a handler rejects with when no further delivery can help: the batch counts as failed at once. */
export class Hopeless extends Error {
  override readonly name = 'Hopeless'

  constructor(override readonly cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
  }
}

export type Handle = (batch: Batch, signal: AbortSignal, delivery: Delivery) => Promise<void>

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
 * worker that holds it dies; a batch whose id is already waiting, active, delayed or failed is not added again; batches of
 * a higher priority come first, those of the same one in the order in which they became due; a batch whose handler rejects
 * is delivered again with exponential backoff, up to a limit, and then counts as failed, unless it rejects with
 * {@link Deferred} or {@link Hopeless}; batches done leave nothing behind. When adding rejects, some of the batches may
 * have been added; adding them again is safe. Failures to reach the server reject with AppError QUEUE_UNREACHABLE on
 * opening and on adding; consuming survives them.
 */
export interface Queue {
  /** For people: `redis://host:6379` or `postgres (embedded)`. Holds no credentials. */
  readonly location: string
  /** @param delayMs not before so many ms from now */
  add(batches: readonly Batch[], options?: { delayMs?: number }): Promise<void>
  state(batchId: string): Promise<BatchState>
  /** Of every id that was asked for, in few round trips. */
  states(batchIds: readonly string[]): Promise<Map<string, BatchState>>
  /**
   * Removes batches that are waiting, delayed or failed, as many as there are; those in hand stay where they are.
   * @returns the ids that were removed
   */
  remove(batchIds: readonly string[]): Promise<string[]>
  counts(): Promise<QueueCounts>
  consume(handle: Handle, options: ConsumeOptions): Promise<Consumer>
  close(): Promise<void>
}
