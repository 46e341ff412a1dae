import { AppError } from '../../domain/errors.js'
import type { Queue, QueueCounts } from '../../domain/ports/queue.js'
import type { RunRepository } from '../../domain/ports/run-repository.js'
import { SECOND } from '../../domain/units.js'
import { type OnWait, throwIfStopped, type WaitReason, waitUnlessStopped } from './wait-reason.js'

const POLL_MS = SECOND / 2
/**
 * How long the queue is full without workers before this is reported; workers started with the producer need a
 * moment.
 */
const WORKERS_MISSED_MS = 10 * SECOND

export interface BackPressureDeps {
  queue: Pick<Queue, 'counts'>
  runs: Pick<RunRepository, 'assertWritable' | 'controlOfRun' | 'workers'>
}

export interface BackPressureOptions {
  runId: string
  /** Waiting and delayed batches from which on no more are added. */
  maxWaiting: number
  onWait: OnWait
  /** Called on every poll, also while waiting. */
  onLook?: () => void
  /** Whether the caller has started workers, which may still be starting. */
  ownWorkers?: boolean
  signal?: AbortSignal
  pollMs?: number
  workersMissedMs?: number
}

/**
 * Keeps the queue small, however large the input is: adds a round of batches only while fewer than `maxWaiting` wait,
 * so that each producer overshoots by at most a round. Costs one query to the queue and one to the database per
 * round.
 */
export class BackPressure {
  #fullSince: number | undefined
  #isWaiting = false

  constructor(
    private readonly deps: BackPressureDeps,
    private readonly options: BackPressureOptions,
  ) {}

  /**
   * Waits until a round may be added: the queue has room and the run is not paused.
   * @throws AppError RUN_CANCELLED, INTERRUPTED
   */
  async admit(): Promise<void> {
    const { runId, onWait, onLook, signal, pollMs = POLL_MS } = this.options
    for (;;) {
      throwIfStopped(signal)
      const [control, counts] = await Promise.all([this.deps.runs.controlOfRun(runId), this.deps.queue.counts()])
      onLook?.()
      if (control === 'cancelled') throw runCancelled(runId)
      const reason = control === 'paused' ? runPaused(runId) : await this.#full(counts)
      if (reason !== null || this.#isWaiting) onWait(reason)
      this.#isWaiting = reason !== null
      if (reason === null) return
      await waitUnlessStopped(pollMs, signal)
    }
  }

  async #full({ waiting, delayed }: QueueCounts): Promise<WaitReason | null> {
    const { maxWaiting, ownWorkers = false, workersMissedMs = WORKERS_MISSED_MS } = this.options
    if (waiting + delayed < maxWaiting) {
      this.#fullSince = undefined
      return null
    }
    this.#fullSince ??= Date.now()
    const full = `The queue is full: ${waiting + delayed} batches wait (MAX_WAITING_BATCHES is ${maxWaiting}).`
    const isMissed = Date.now() - this.#fullSince >= workersMissedMs
    if (isMissed && (await this.deps.runs.workers()).length === 0) {
      // Workers cannot report to a database that takes no writes. Waits for it, and says so.
      await this.deps.runs.assertWritable()
      if (!ownWorkers)
        return { kind: 'no worker', message: `${full} No worker is alive; start one: unsplash-clip worker` }
    }
    return { kind: 'queue full', message: `${full} Going on as workers take them.` }
  }
}

export function runPaused(runId: string): WaitReason {
  return { kind: 'paused', message: `Run ${runId} is paused. To go on: unsplash-clip run resume ${runId}` }
}

export function runCancelled(runId: string): AppError {
  return new AppError(
    'RUN_CANCELLED',
    `Run ${runId} was cancelled. What is done stays; the same ingest, started again, does the rest.`,
  )
}
