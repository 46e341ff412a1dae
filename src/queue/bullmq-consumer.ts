import { setTimeout as pause } from 'node:timers/promises'
import {
  DelayedError,
  type IQueueBackend,
  type Job,
  type JobProgress,
  type Telemetry,
  UnrecoverableError,
  WaitingError,
  Worker,
} from 'bullmq'
import { AppError } from '../domain/errors.js'
import {
  type Batch,
  type ConsumeOptions,
  type Consumer,
  type Delivery,
  type Handle,
  RetryLaterError,
  UnrecoverableBatchError,
} from '../domain/ports/queue.js'
import { SECOND } from '../domain/units.js'
import type { QueueBackend } from './backend.js'
import { Troubles } from './troubles.js'

/** How often a batch may lose its worker before it counts as failed. BullMQ's default 1 would lose batches too soon. */
const MAX_STALLED_COUNT = 20

/** Grace period for handlers to stop after an abort, and for the server to record the result of a batch. */
export const SHUTDOWN_GRACE_MS = 1.2 * SECOND

/** Longest wait for the server, which responded a moment ago. */
const READY_MS = 10 * SECOND

interface BullmqConsumeOptions extends ConsumeOptions {
  telemetry: Telemetry | undefined
}

type BatchJob = Job<Batch, void>
type Jobs = Worker<Batch, void, string, IQueueBackend, JobProgress, object>

/**
 * One BullMQ worker. A batch is active from its delivery until BullMQ has recorded its result: done and removed,
 * delayed for another delivery, or, after an abort of the consumer, waiting again without a counted delivery.
 */
export class BullmqConsumer implements Consumer {
  readonly #worker: Jobs
  readonly #backend: QueueBackend
  readonly #handle: Handle
  readonly #onClosed: (closed: BullmqConsumer) => void
  readonly #controller = new AbortController()
  readonly #inHand = new Set<Promise<void>>()
  #closed: Promise<void> | undefined
  #aborted: Promise<void> | undefined

  private constructor(
    name: string,
    backend: QueueBackend,
    handle: Handle,
    options: BullmqConsumeOptions,
    onClosed: (closed: BullmqConsumer) => void,
  ) {
    this.#backend = backend
    this.#handle = handle
    this.#onClosed = onClosed
    const troubles = new Troubles(options.onError)
    this.#worker = new Worker(
      name,
      (job: BatchJob, token) => this.#take(job, token),
      {
        connection: {},
        autorun: false,
        concurrency: options.concurrency,
        lockDuration: options.lockMs,
        // BullMQ's default is half. A quarter leaves room for an encoder that blocks the event loop and the renewal.
        lockRenewTime: options.lockMs / 4,
        // One check marks a dead worker's batch and a later one takes it, so at most 1.5 × lockMs pass.
        stalledInterval: Math.max(100, Math.round(options.lockMs / 4)),
        maxStalledCount: MAX_STALLED_COUNT,
        drainDelay: backend.pollMs / SECOND,
        runRetryDelay: SECOND,
        telemetry: options.telemetry,
      },
      backend.factory,
    )
    this.#worker.on('error', error => troubles.report(backend.outageOf(error) ?? error))
  }

  static async start(
    name: string,
    backend: QueueBackend,
    handle: Handle,
    options: BullmqConsumeOptions,
    onClosed: (closed: BullmqConsumer) => void,
  ): Promise<BullmqConsumer> {
    const consumer = new BullmqConsumer(name, backend, handle, options, onClosed)
    try {
      const ready = consumer.#worker.waitUntilReady().then(() => true)
      if (!(await within(READY_MS, ready)))
        throw new AppError(
          'QUEUE_UNREACHABLE',
          `Expected a response from the queue at ${backend.location}, found none within ${READY_MS / SECOND} s. Check that the server runs.`,
        )
      await backend.warmUp()
    } catch (error) {
      await consumer.abort()
      throw error
    }
    consumer.#worker.run().catch(options.onError)
    return consumer
  }

  close(): Promise<void> {
    this.#closed ??= this.#finish().finally(() => this.#onClosed(this))
    return this.#closed
  }

  abort(): Promise<void> {
    this.#aborted ??= this.#abort()
    return this.#aborted
  }

  /** Waits for the handlers without limit, but not for an unreachable server. */
  async #finish(): Promise<void> {
    const closed = this.#worker.close().then(() => true)
    do await Promise.allSettled(this.#inHand)
    while (!(await within(SHUTDOWN_GRACE_MS, closed)) && this.#inHand.size > 0)
    this.#backend.drop(this.#worker.getBackend())
  }

  async #abort(): Promise<void> {
    this.#controller.abort(new AppError('INTERRUPTED', 'The worker was stopped; the batch returns to the queue.'))
    await this.#worker.pause(true)
    await within(SHUTDOWN_GRACE_MS, Promise.allSettled(this.#inHand))
    // Abandons handlers that do not stop; the locks of their batches expire.
    if (this.#inHand.size > 0 && !this.#closed)
      this.#closed = this.#worker.close(true).finally(() => this.#onClosed(this))
    await within(SHUTDOWN_GRACE_MS, this.close())
    this.#backend.drop(this.#worker.getBackend())
  }

  async #take(job: BatchJob, token: string | undefined): Promise<void> {
    const { signal } = this.#controller
    // BullMQ's last request before closing may still return a batch.
    if (this.#closed || signal.aborted) return this.#handBack(job, token)
    try {
      await this.#inHandWhile(this.#handle(job.data, signal, delivery(job)))
    } catch (error) {
      if (signal.aborted) return this.#handBack(job, token)
      if (error instanceof RetryLaterError) return this.#defer(job, token, error.delayMs)
      if (error instanceof UnrecoverableBatchError) throw new UnrecoverableError(error.message)
      throw error
    }
  }

  #inHandWhile(handling: Promise<void>): Promise<void> {
    const settled = handling.then(
      () => {},
      () => {},
    )
    this.#inHand.add(settled)
    void settled.then(() => this.#inHand.delete(settled))
    return handling
  }

  /** Returns a batch without counting a delivery. The error tells BullMQ that the batch is already moved. */
  async #handBack(job: BatchJob, token: string | undefined): Promise<never> {
    await this.#record(() => job.moveToWait(token))
    throw new WaitingError('handed back')
  }

  async #defer(job: BatchJob, token: string | undefined, delayMs: number): Promise<never> {
    const dueAt = Date.now() + delayMs
    await this.#record(() => job.moveToDelayed(dueAt, token))
    throw new DelayedError('deferred')
  }

  /** Retries until the server has recorded the result. Otherwise an outage would count as a rejection of the batch. */
  async #record(command: () => Promise<unknown>): Promise<void> {
    for (;;) {
      try {
        await command()
        return
      } catch (error) {
        if (this.#closed || this.#backend.outageOf(error) === null) throw error
        await pause(SECOND)
      }
    }
  }
}

function delivery({ stalledCounter, attemptsMade, opts }: BatchJob): Delivery {
  return { stalls: stalledCounter, attempt: attemptsMade + 1, isLast: attemptsMade + 1 >= (opts.attempts ?? 1) }
}

/** Returns the result of the work, or undefined when it takes longer. */
export async function within<T>(ms: number, work: Promise<T>): Promise<T | undefined> {
  const timer = new AbortController()
  try {
    return await Promise.race([work, pause(ms, undefined, { signal: timer.signal })])
  } finally {
    timer.abort()
  }
}
