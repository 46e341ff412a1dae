import { setTimeout as pause } from 'node:timers/promises'
import { AppError } from '../../domain/errors.js'
import { type Batch, type Delivery, RetryLaterError, UnrecoverableBatchError } from '../../domain/ports/queue.js'
import type { RunRepository } from '../../domain/ports/run-repository.js'
import { anySignal } from '../../domain/signals/any-signal.js'
import { errorMessage, isExhausted } from '../../domain/text/error-text.js'
import { SECOND } from '../../domain/units.js'
import { isLocal } from '../stages/download.js'
import { type BatchDeps, type BatchReport, distinct, processBatch, unsettled } from '../stages/process-batch.js'
import { afterPauseMs, scheduleRetries } from '../stages/retry.js'
import { writeOutcome } from '../stages/write.js'
import type { CircuitBreaker } from './circuit-breaker.js'
import { type EncoderPool, OtherRevisionError } from './encoder-pool.js'
import type { IsolationLock, Lease } from './isolation-lock.js'
import { outageOf } from './outage.js'
import { decideIsolation, halves, isSuspect } from './poison-batch.js'
import type { WrongModelAttempts } from './wrong-model-attempts.js'

/** How long a batch waits here for a service. Then another worker, which may reach the service, gets the batch. */
const HOLD_MS = 15 * SECOND
/** Delay before a batch that could not be worked on is delivered again. */
const COME_BACK_MS = 5 * SECOND
/** Delay before a refused suspect tries again. */
const SUSPECT_COMES_BACK_MS = SECOND
/** Time for the stages to stop after an abort; an object store that hangs does not react to it. */
const STOP_MS = SECOND

const NO_MORE_FILES = 'the worker can open no more files and sockets; raise its limit (ulimit -n, LimitNOFILE=)'

export interface DeliveryDeps extends BatchDeps {
  runs: Pick<RunRepository, 'controlOfBatch' | 'setAside' | 'giveUp'>
  encoders: Pick<EncoderPool, 'modelId' | 'acquire'>
  breaker: CircuitBreaker
  isolation: IsolationLock
  wrongModelAttempts: WrongModelAttempts
}

/** Outcome of a delivery that did not reject. */
export type Settled = { kind: 'worked'; report: BatchReport } | { kind: 'paused' | 'cancelled' | 'split' }

/**
 * One delivery, from the queue to the stages:
 *
 *     delivery ── a service is away ──> wait, then RetryLaterError
 *        │ ────── run paused or cancelled ──> set aside in the database
 *        │ ────── all of its hosts paused, once more ──> RetryLaterError
 *        │ ────── suspect, lock refused ──> RetryLaterError
 *        v
 *     leased ── crashed processes before ──> split in halves, or fail the photo (poison-batch.ts)
 *        v
 *     encoder of the pinned model ── not here ──> RetryLaterError, or a counted attempt after several
 *        v
 *     stages (process-batch.ts) ── error ──> outage, or no file can be opened: RetryLaterError
 *                                          otherwise rejected, an attempt is counted
 *
 * {@link RetryLaterError} means that the batch is not to blame and no attempt counts. When no further delivery
 * follows, the reason is recorded in the database.
 *
 * @param signals `stop`: hand the batch back now; `leave`: begin nothing that would have to wait
 */
export async function takeDelivery(
  batch: Batch,
  delivery: Delivery,
  deps: DeliveryDeps,
  { stop, leave }: { stop: AbortSignal; leave: AbortSignal },
): Promise<Settled> {
  const ending = anySignal([stop, leave])
  const signals = { stop, leave, ending }
  try {
    return await stoppable(stop, settle(batch, delivery, deps, signals))
  } catch (error) {
    if (stop.aborted || error instanceof RetryLaterError) throw error
    if (isExhausted(error)) throw new RetryLaterError(spread(COME_BACK_MS), NO_MORE_FILES, { cause: error })
    const service = outageOf(error)
    if (service !== null) {
      deps.breaker.recordFailure(service, error)
      throw new RetryLaterError(spread(COME_BACK_MS), (error as Error).message, { cause: error })
    }
    // The download of a model, for example, was cut off.
    if (leave.aborted && isForOthers(error)) throw leave.reason
    if (isForOthers(error) && !(await deps.wrongModelAttempts.counts(batch.id, ending)))
      throw new RetryLaterError(spread(COME_BACK_MS), (error as Error).message, { cause: error })
    if (delivery.isLast || error instanceof UnrecoverableBatchError) await tellWhy(batch, error, deps)
    throw error
  } finally {
    ending.clear()
  }
}

interface Signals {
  stop: AbortSignal
  leave: AbortSignal
  /** Either of the two. */
  ending: AbortSignal
}

async function settle(batch: Batch, delivery: Delivery, deps: DeliveryDeps, signals: Signals): Promise<Settled> {
  const { breaker, runs, clock } = deps
  const { ending } = signals
  const isRemote = !batch.photos.some(isLocal)
  if (breaker.holds(isRemote) && !(await clock.time('wait', () => breaker.waitUntilClosed(HOLD_MS, ending, isRemote))))
    throw new RetryLaterError(spread(COME_BACK_MS), breaker.trouble ?? undefined)
  if ((await runs.controlOfBatch(batch.parentId)) !== 'active') {
    const control = await runs.setAside(batch)
    if (control !== 'active') return { kind: control }
  }
  const pauseMs = pauseOf(batch, deps)
  if (pauseMs > 0) throw new RetryLaterError(afterPauseMs(pauseMs), 'its hosts are paused')
  const lease = await acquireLease(batch, delivery, deps, ending)
  try {
    return await work(batch, delivery, deps, signals)
  } finally {
    lease.release()
  }
}

/**
 * Rest of the shortest pause when all hosts of a batch are paused, in ms; 0: it must be worked on. The first time its
 * stages postpone it and record since when; later times cost only this.
 */
function pauseOf({ photos, postponedSince }: Batch, { pipeline }: Pick<DeliveryDeps, 'pipeline'>): number {
  if (postponedSince === undefined) return 0
  const waitedMs = Date.now() - postponedSince
  const pauses = photos.map(photo => {
    const pause = pipeline.pausedFor(photo)
    return pause === null || waitedMs >= pause.patienceMs ? 0 : pause.ms
  })
  return Math.min(...pauses)
}

async function acquireLease(
  batch: Batch,
  delivery: Delivery,
  { isolation, clock }: DeliveryDeps,
  signal: AbortSignal,
): Promise<Lease> {
  if (!isSuspect(batch, delivery)) return clock.time('wait', () => isolation.acquireShared(signal))
  // Only a death with nothing else under way is evidence against a single photo.
  const isSingle = batch.isolated && batch.photos.length === 1
  const lease = isSingle
    ? isolation.tryAcquireExclusive()
    : await clock.time('wait', () => isolation.acquireExclusive(signal))
  if (lease === null) throw new RetryLaterError(spread(SUSPECT_COMES_BACK_MS), 'waits for another batch to end')
  return lease
}

async function work(batch: Batch, { stalls }: Delivery, deps: DeliveryDeps, signals: Signals): Promise<Settled> {
  const modelId = await deps.encoders.modelId(batch)
  if (stalls > 0) {
    const open = await unsettled(batch, distinct(batch.photos), modelId, deps.repository)
    const decision = decideIsolation(batch, stalls, open.length)
    if (decision === 'split') {
      // Enqueued before this batch leaves the queue: a crash between the two repeats the split and loses nothing.
      const newBatches = halves(batch, open)
      await scheduleRetries(
        deps.queue,
        newBatches.map(half => ({ batch: half, delayMs: 0 })),
      )
      return { kind: 'split' }
    }
    if (decision === 'fail') {
      const message = `Its process died or hung ${stalls} times while it worked on this photo and on nothing else.`
      const failures = open.map(photo => ({
        photoId: photo.id,
        code: 'CRASHED_WORKER' as const,
        message,
        attempts: batch.attempt,
      }))
      await writeOutcome(deps.repository, batch, modelId, { embedded: [], failures })
      return { kind: 'worked', report: { embedded: 0, failed: failures.length, retried: 0, skipped: 0 } }
    }
  }
  const { encoder, release } = await deps.encoders.acquire(batch, signals.ending)
  try {
    return { kind: 'worked', report: await processBatch(batch, { encoder, modelId }, deps, signals) }
  } finally {
    release()
  }
}

/** Abandons work that does not end soon after the abort. Its late writes are idempotent. */
async function stoppable<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const done = new AbortController()
  let onAbort = () => {}
  const stopped = new Promise<never>((_, reject) => {
    onAbort = async () => {
      await pause(STOP_MS, undefined, { signal: done.signal }).catch(() => {})
      reject(signal.reason)
    }
  })
  stopped.catch(() => {})
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([work, stopped])
  } finally {
    // Removed at once, since the signal lives as long as the consumer.
    signal.removeEventListener('abort', onAbort)
    done.abort()
  }
}

const OUT_OF_REACH: ReadonlySet<string> = new Set(['FOLDER_UNREACHABLE', 'TEMPLATE_UNKNOWN'])

/** Whether another worker may know the model, have or fetch its files, read the folder, or use the URL template. */
function isForOthers(error: unknown): boolean {
  if (error instanceof OtherRevisionError) return true
  return error instanceof AppError && (error.code.startsWith('MODEL_') || OUT_OF_REACH.has(error.code))
}

/** Records why the batch was given up; the queue keeps no reasons. */
async function tellWhy(batch: Batch, error: unknown, { runs }: DeliveryDeps): Promise<void> {
  const cause = error instanceof UnrecoverableBatchError ? error.cause : error
  const code = cause instanceof AppError ? cause.code : 'WORKER_FAILED'
  const message = errorMessage(cause)
  await runs.giveUp(batch.parentId, code, message).catch(() => {})
}

/** Spreads batches that were deferred together over time. */
function spread(ms: number): number {
  return Math.round(ms * (0.5 + Math.random()))
}
