import type { PhotoRef } from '../photo.js'
import { errorMessage } from '../text/error-text.js'

/** One job: a batch of photos to embed with one model. Small, as a queue needs: ids and URLs, no metadata. */
export interface Batch {
  /** Derived from the contents (see `batchId`), so the same batch enqueued twice is one job. */
  id: string
  /** Id of the batch's row in the database: its own id or, for retried photos, the id of their first batch. */
  parentId: string
  runId: string
  /** `name@precision` */
  model: string
  /** Revision of the model's files at the start of the run. A worker with another revision refuses the batch. */
  revision: string
  photos: PhotoRef[]
  /** 1 on the first attempt of these photos, plus 1 per retry. */
  attempt: number
  /** Whether to store compressed copies. */
  store: boolean
  /** Embeds again those of its embedded photos whose image has changed. */
  refresh?: boolean
  /** Label sets to predict, by name. */
  labelSets: string[]
  /** Priority of its run: higher batches go first. Default: normal. */
  priority?: Priority
  /** Machine that ingested files, whose paths are those of that machine (the setting PLACE_HOST). Unset: unknown. */
  host?: string
  /** A process died while it held this batch or the whole that this is a part of, so the batch runs alone. */
  isolated?: boolean
  /** Delays of these photos because their copies could not be stored. These do not count as attempts. */
  outages?: number
  /** Those of them for which the store was there and took other copies. */
  refusals?: number
  /** Postponements of these photos, untried: their hosts were paused, or a worker ended. Not attempts either. */
  postponements?: number
  /** Time of the first postponement because of a paused host, in ms since the epoch. */
  postponedSince?: number
}

export const PRIORITIES = ['high', 'normal', 'low'] as const
export type Priority = (typeof PRIORITIES)[number]

export interface QueueCounts {
  waiting: number
  active: number
  /** Waiting for a due time: retried photos, or jobs in backoff. */
  delayed: number
  /** Jobs that failed every attempt, for example during a long database outage. */
  failed: number
}

export type BatchState = 'waiting' | 'active' | 'delayed' | 'failed' | 'absent'

export interface Delivery {
  /** How often the queue took this batch from a silent worker: one that died, hung or lost its connection. */
  stalls: number
  /** Attempt of this batch, from 1. Stalls, returned batches and {@link RetryLaterError} do not count. */
  attempt: number
  /** Whether a rejection of this delivery makes the batch fail for good. */
  isLast: boolean
}

/**
 * Thrown by a handler when the cause lies outside the batch, such as a database outage. The queue delivers the batch
 * later and counts no attempt.
 */
export class RetryLaterError extends Error {
  override readonly name = 'RetryLaterError'

  /** @param delayMs delay of the next delivery, in ms */
  constructor(
    readonly delayMs: number,
    reason?: string,
    options?: ErrorOptions,
  ) {
    super(reason ?? `not before ${delayMs} ms have passed`, options)
  }
}

/** Thrown by a handler when no further delivery can help: the batch fails at once. */
export class UnrecoverableBatchError extends Error {
  override readonly name = 'UnrecoverableBatchError'

  constructor(override readonly cause: unknown) {
    super(errorMessage(cause), { cause })
  }
}

export type Handle = (batch: Batch, signal: AbortSignal, delivery: Delivery) => Promise<void>

export interface ConsumeOptions {
  /** Batches handled at once, so that their stages overlap. */
  concurrency: number
  /** A worker that is silent for this long counts as dead. Others get its batches. */
  lockMs: number
  /** Called for connection errors. Consuming continues after reconnection. */
  onError: (error: Error) => void
}

export interface Consumer {
  /** Takes no new batches, waits for the active ones, then disconnects. */
  close(): Promise<void>
  /** Disconnects at once: active batches return to the queue after `lockMs`. */
  abort(): Promise<void>
}

/**
 * Hands batches from producers to workers. Promises:
 * - A batch that was added is delivered at least once, even when the worker that holds it dies.
 * - A batch whose id is already waiting, active, delayed or failed is not added again.
 * - Batches of a higher priority come first; those of the same priority come in the order of their due times.
 * - A batch whose handler rejects is delivered again with exponential backoff, up to a limit, and then counts as
 *   failed, except after {@link RetryLaterError} or {@link UnrecoverableBatchError}.
 * - Completed batches leave nothing behind.
 * - When adding rejects, some batches may have been added; adding them again is safe.
 * - A server that is unreachable, or refuses to work, rejects opening and adding with AppError QUEUE_UNREACHABLE;
 *   consuming survives it, and counts no attempt.
 * - A server without memory rejects adding with AppError QUEUE_FULL; consuming goes on, since it frees memory.
 */
export interface Queue {
  /** For display: `redis://host:6379` or `postgres (embedded)`. Holds no credentials. */
  readonly location: string
  /** @param delayMs delay of the delivery, in ms */
  add(batches: readonly Batch[], options?: { delayMs?: number }): Promise<void>
  state(batchId: string): Promise<BatchState>
  /** State of every given id, in few round trips. */
  states(batchIds: readonly string[]): Promise<Map<string, BatchState>>
  /**
   * Removes the given batches that are waiting, delayed or failed. Active batches stay.
   * @returns the removed ids
   */
  remove(batchIds: readonly string[]): Promise<string[]>
  counts(): Promise<QueueCounts>
  /** Resolves when the queue accepts writes. Rejects with QUEUE_UNREACHABLE or QUEUE_FULL when it does not. */
  check(): Promise<void>
  consume(handle: Handle, options: ConsumeOptions): Promise<Consumer>
  close(): Promise<void>
}
