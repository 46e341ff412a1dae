import { AppError } from '../domain/errors.js'
import type { Queue, QueueCounts } from '../domain/ports/queue.js'
import type { RunRepository } from '../domain/ports/run-repository.js'
import { type Hold, type OnHold, throwIfStopped, waitUnlessStopped } from './hold.js'

const SECOND = 1000
const POLL_MS = SECOND / 2
/** A full queue without workers this long is told: those that were started with the producer need a moment. */
const WORKERS_MISSED_MS = 10 * SECOND

export interface BackPressureDeps {
  queue: Pick<Queue, 'counts'>
  runs: Pick<RunRepository, 'controlOfRun' | 'workers'>
}

export interface BackPressureOptions {
  runId: string
  /** Batches in the queue, waiting or delayed, from which on no more are added. */
  maxWaiting: number
  onHold: OnHold
  /** Called at every look, also while nothing moves. */
  onLook?: () => void
  signal?: AbortSignal
  pollMs?: number
  workersMissedMs?: number
}

/**
 * Keeps the queue small however large the input is: a round of batches is added only while fewer than `maxWaiting` wait, so
 * that producers overshoot by at most a round each. One question to the queue and one to the database a round.
 */
export class BackPressure {
  #fullSince: number | undefined
  #held = false

  constructor(
    private readonly deps: BackPressureDeps,
    private readonly options: BackPressureOptions,
  ) {}

  /**
   * Waits until a round may be added: the queue has room, and the run is not paused.
   * @throws AppError RUN_CANCELLED, INTERRUPTED
   */
  async admit(): Promise<void> {
    const { runId, onHold, onLook, signal, pollMs = POLL_MS } = this.options
    for (;;) {
      throwIfStopped(signal)
      const [control, counts] = await Promise.all([this.deps.runs.controlOfRun(runId), this.deps.queue.counts()])
      onLook?.()
      if (control === 'cancelled') throw runCancelled(runId)
      const hold = control === 'paused' ? runPaused(runId) : await this.#full(counts)
      if (hold !== null || this.#held) onHold(hold)
      this.#held = hold !== null
      if (hold === null) return
      await waitUnlessStopped(pollMs, signal)
    }
  }

  async #full({ waiting, delayed }: QueueCounts): Promise<Hold | null> {
    const { maxWaiting, workersMissedMs = WORKERS_MISSED_MS } = this.options
    if (waiting + delayed < maxWaiting) {
      this.#fullSince = undefined
      return null
    }
    this.#fullSince ??= Date.now()
    const full = `The queue is full: ${waiting + delayed} batches wait (MAX_WAITING_BATCHES is ${maxWaiting}).`
    const isMissed = Date.now() - this.#fullSince >= workersMissedMs
    if (isMissed && (await this.deps.runs.workers()).length === 0)
      return { kind: 'no worker', message: `${full} No worker is alive; start one: unsplash-clip worker` }
    return { kind: 'queue full', message: `${full} Going on as workers take them.` }
  }
}

export function runPaused(runId: string): Hold {
  return { kind: 'paused', message: `Run ${runId} is paused. To go on: unsplash-clip run resume ${runId}` }
}

export function runCancelled(runId: string): AppError {
  return new AppError(
    'RUN_CANCELLED',
    `Run ${runId} was cancelled. What is done stays; the same ingest, started again, does the rest.`,
  )
}
