import { setTimeout as pause } from 'node:timers/promises'
import { AppError } from '../domain/errors.js'
import { type Batch, Deferred, type Delivery, Hopeless } from '../domain/ports/queue.js'
import type { RunRepository } from '../domain/ports/run-repository.js'
import { type Encoders, OtherRevision } from './encoders.js'
import type { Gate } from './gate.js'
import { outageOf } from './outage.js'
import { type BatchDeps, type BatchReport, distinct, processBatch, unsettled } from './process-batch.js'
import type { Refusals } from './refusals.js'
import { scheduleRetries } from './retry.js'
import { halves, isSuspect, judge } from './suspect.js'
import type { Turn, Turns } from './turns.js'
import { writeOutcome } from './write.js'

const SECOND = 1000

/** So long a batch is kept in hand while something is away; then another worker, which may reach it, gets its chance. */
const HOLD_MS = 15 * SECOND
/** Until a batch that could not be worked on comes back. */
const COME_BACK_MS = 5 * SECOND
/** Until a suspect asks again whether it can be alone. */
const SUSPECT_COMES_BACK_MS = SECOND
/** Time for the stages to stop once the signal is aborted; an object store that hangs does not notice. */
const STOP_MS = SECOND

export interface DeliveryDeps extends BatchDeps {
  runs: Pick<RunRepository, 'controlOfBatch' | 'setAside' | 'giveUp'>
  encoders: Pick<Encoders, 'modelId' | 'borrow'>
  gate: Gate
  turns: Turns
  refusals: Refusals
}

/** What became of a delivery that was not rejected. */
export type Settled = { kind: 'worked'; report: BatchReport } | { kind: 'paused' | 'cancelled' | 'split' }

/**
 * All that comes between the queue and the stages: nothing is begun while something is away or the run is not active, and
 * a batch that may have crashed a process is worked on alone, in halves, or not at all.
 *
 * Rejects with {@link Deferred} when the batch is not to blame, else with what went wrong; when no delivery follows, the
 * database is told why.
 *
 * @param signals `stop`: hand back what is in hand; `leave`: begin nothing that has to be waited for
 */
export async function takeDelivery(
  batch: Batch,
  delivery: Delivery,
  deps: DeliveryDeps,
  signals: { stop: AbortSignal; leave: AbortSignal },
): Promise<Settled> {
  try {
    return await stoppable(signals.stop, settle(batch, delivery, deps, signals))
  } catch (error) {
    if (signals.stop.aborted || error instanceof Deferred) throw error
    const service = outageOf(error)
    if (service !== null) {
      deps.gate.failed(service, error)
      throw new Deferred(spread(COME_BACK_MS), (error as Error).message, { cause: error })
    }
    if (isForOthers(error) && !(await deps.refusals.counts(batch.id, AbortSignal.any([signals.stop, signals.leave]))))
      throw new Deferred(spread(COME_BACK_MS), (error as Error).message, { cause: error })
    if (delivery.isLast || error instanceof Hopeless) await tellWhy(batch, error, deps)
    throw error
  }
}

async function settle(
  batch: Batch,
  delivery: Delivery,
  deps: DeliveryDeps,
  { stop, leave }: { stop: AbortSignal; leave: AbortSignal },
): Promise<Settled> {
  const { gate, runs, clock } = deps
  const waiting = AbortSignal.any([stop, leave])
  if (gate.trouble !== null && !(await clock.time('wait', () => gate.pass(HOLD_MS, waiting))))
    throw new Deferred(spread(COME_BACK_MS), gate.trouble ?? undefined)
  if ((await runs.controlOfBatch(batch.parentId)) !== 'active') {
    const control = await runs.setAside(batch)
    if (control !== 'active') return { kind: control }
  }
  const turn = await takeTurn(batch, delivery, deps, waiting)
  try {
    return await work(batch, delivery, deps, stop)
  } finally {
    turn.end()
  }
}

async function takeTurn(
  batch: Batch,
  delivery: Delivery,
  { turns, clock }: DeliveryDeps,
  signal: AbortSignal,
): Promise<Turn> {
  if (!isSuspect(batch, delivery)) return clock.time('wait', () => turns.shared(signal))
  // What counts as evidence against a single photo must have happened while nothing else was worked on.
  const isSingle = batch.isolated && batch.photos.length === 1
  const turn = isSingle ? turns.aloneNow() : await clock.time('wait', () => turns.alone(signal))
  if (turn === null) throw new Deferred(spread(SUSPECT_COMES_BACK_MS), 'waits for another batch to end')
  return turn
}

async function work(batch: Batch, { stalls }: Delivery, deps: DeliveryDeps, stop: AbortSignal): Promise<Settled> {
  const modelId = await deps.encoders.modelId(batch)
  if (stalls > 0) {
    const open = await unsettled(distinct(batch.photos), modelId, deps.repository)
    const verdict = judge(batch, stalls, open.length)
    if (verdict === 'split') {
      // Into the queue before this one leaves it, so that a crash between the two repeats the split and loses nothing.
      const parts = halves(batch, open)
      await scheduleRetries(
        deps.queue,
        parts.map(part => ({ batch: part, delayMs: 0 })),
      )
      return { kind: 'split' }
    }
    if (verdict === 'condemn') {
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
  const { encoder, release } = await deps.encoders.borrow(batch, stop)
  try {
    return { kind: 'worked', report: await processBatch(batch, { encoder, modelId }, deps, stop) }
  } finally {
    release()
  }
}

/** Lets go of work that does not end soon after the signal is aborted; whatever it still writes may be written twice. */
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
    // At once, since the signal lives as long as the consumer.
    signal.removeEventListener('abort', onAbort)
    done.abort()
  }
}

/** Whether another worker may know the model, have the right files, or be able to fetch them. */
function isForOthers(error: unknown): boolean {
  return error instanceof OtherRevision || (error instanceof AppError && error.code.startsWith('MODEL_'))
}

/** The queue keeps no reasons; without it, nobody could tell why the batch is not done. */
async function tellWhy(batch: Batch, error: unknown, { runs }: DeliveryDeps): Promise<void> {
  const cause = error instanceof Hopeless ? error.cause : error
  const code = cause instanceof AppError ? cause.code : 'WORKER_FAILED'
  const message = cause instanceof Error ? cause.message : String(cause)
  await runs.giveUp(batch.parentId, code, message).catch(() => {})
}

/** Batches that were put off together come back one after the other. */
function spread(ms: number): number {
  return Math.round(ms * (0.5 + Math.random()))
}
