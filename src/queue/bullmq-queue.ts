import { Queue as BullQueue, type IQueueBackend, type JobsOptions, type JobType, type Telemetry } from 'bullmq'
import { AppError } from '../domain/errors.js'
import type {
  Batch,
  BatchState,
  ConsumeOptions,
  Consumer,
  Handle,
  Priority,
  Queue,
  QueueCounts,
} from '../domain/ports/queue.js'
import { SECOND } from '../domain/units.js'
import type { QueueBackend } from './backend.js'
import { BullmqConsumer, SHUTDOWN_GRACE_MS, within } from './bullmq-consumer.js'

/** Length of BullMQ's event log per queue. Short, because nothing here reads it. */
const EVENTS_KEPT = 100

/**
 * Smaller numbers come first. BullMQ's 0, "no priority", comes before all of them, so normal has a number, too. Jobs of
 * a version without priorities have 0 and come first. On Redis, finding and removing jobs takes O(log n) with a number,
 * else O(n).
 */
const PRIORITY_NUMBERS: Record<Priority, number> = { high: 1, normal: 2, low: 3 }

/** Ids per command. A command of this size blocks others for about 1 ms on Redis. */
const IDS_PER_COMMAND = 500

/** `paused` is missing from BullMQ's type: jobs waiting while the queue is paused from outside. */
const COUNTED = ['waiting', 'paused', 'prioritized', 'active', 'delayed', 'failed'] as JobType[]

export interface QueueOptions {
  name: string
  /** Deliveries of a batch whose handler rejects. Delays double: 8 deliveries take 1 to 2 minutes. */
  attempts?: number
  /** Delay before the second delivery of a rejected batch. */
  backoffMs?: number
  /** Receives the spans of batches that are added and processed. */
  telemetry?: Telemetry
}

/** The jobs of BullMQ, for a dashboard that reads. */
export interface QueueBoard {
  name: string
  job(id: string): Promise<unknown>
  jobs(statuses: readonly string[], start?: number, end?: number): Promise<unknown[]>
  counts(): Promise<Record<string, number>>
  isPaused(): Promise<boolean>
  /** What the command INFO of Redis answers. */
  info(): Promise<string>
}

type Jobs = BullQueue<Batch, void, string, Batch, void, string, IQueueBackend, object>

/** The `Queue` port over BullMQ. The backend decides where the jobs are stored. */
export class BullmqQueue implements Queue {
  readonly location: string
  readonly #name: string
  readonly #backend: QueueBackend
  readonly #jobs: Jobs
  readonly #jobOptions: JobsOptions
  readonly #telemetry: Telemetry | undefined
  readonly #consumers = new Set<Consumer>()
  #closed: Promise<void> | undefined

  private constructor(backend: QueueBackend, options: QueueOptions) {
    this.location = backend.location
    this.#name = options.name
    this.#backend = backend
    this.#telemetry = options.telemetry
    this.#jobOptions = {
      attempts: options.attempts ?? 8,
      backoff: { type: 'exponential', delay: options.backoffMs ?? SECOND, jitter: 0.5 },
      removeOnComplete: true,
      removeOnFail: false,
      stackTraceLimit: 1,
    }
    this.#jobs = new BullQueue(
      options.name,
      { connection: {}, streams: { events: { maxLen: EVENTS_KEPT } }, telemetry: options.telemetry },
      backend.factory,
    )
    // Its commands reject with the same errors; without a listener the event would end the process.
    this.#jobs.on('error', () => {})
  }

  /** Takes ownership of the backend: closes it with the queue, or at once when the queue cannot be opened. */
  static async open(backend: QueueBackend, options: QueueOptions): Promise<BullmqQueue> {
    const queue = new BullmqQueue(backend, options)
    try {
      await queue.#reaching(() => queue.#jobs.waitUntilReady())
      return queue
    } catch (error) {
      await queue.close()
      throw error
    }
  }

  async add(batches: readonly Batch[], options: { delayMs?: number } = {}): Promise<void> {
    if (batches.length === 0) return
    const jobs = batches.map(batch => ({
      name: 'batch',
      data: batch,
      opts: {
        ...this.#jobOptions,
        jobId: jobId(batch.id),
        delay: Math.round(options.delayMs ?? 0),
        priority: PRIORITY_NUMBERS[batch.priority ?? 'normal'],
      },
    }))
    await this.#reaching(() => this.#jobs.addBulk(jobs))
  }

  async state(batchId: string): Promise<BatchState> {
    return (await this.states([batchId])).get(batchId) as BatchState
  }

  async states(batchIds: readonly string[]): Promise<Map<string, BatchState>> {
    const found = new Map<string, BatchState>()
    for (const ids of chunks(batchIds)) {
      const states = await this.#reaching(() => this.#backend.states(this.#jobs.getBackend(), ids.map(jobId)))
      for (const id of ids) found.set(id, batchState(states.get(jobId(id))))
    }
    return found
  }

  async remove(batchIds: readonly string[]): Promise<string[]> {
    const removed: string[] = []
    for (const ids of chunks(batchIds)) {
      const jobIds = await this.#reaching(() => this.#backend.remove(this.#jobs.getBackend(), ids.map(jobId)))
      removed.push(...jobIds.map(batchIdOf))
    }
    return removed
  }

  async counts(): Promise<QueueCounts> {
    const counts = await this.#reaching(() => this.#jobs.getJobCounts(...COUNTED))
    const { waiting = 0, paused = 0, prioritized = 0, active = 0, delayed = 0, failed = 0 } = counts
    return { waiting: waiting + paused + prioritized, active, delayed, failed }
  }

  async check(): Promise<void> {
    await this.#reaching(() => this.#backend.check(this.#jobs.getBackend()))
  }

  /** The jobs, for dashboards. @throws Error where no dashboard knows the backend */
  board(): QueueBoard {
    const { info } = this.#backend
    if (!info) throw new Error(`No dashboard knows the queue at ${this.location}.`)
    const jobs = this.#jobs
    return {
      name: this.#name,
      job: id => this.#reaching(() => jobs.getJob(id)),
      jobs: (statuses, start, end) => this.#reaching(() => jobs.getJobs([...statuses] as JobType[], start, end)),
      counts: () => this.#reaching(() => jobs.getJobCounts()),
      isPaused: () => this.#reaching(() => jobs.isPaused()),
      info: () => this.#reaching(() => info.call(this.#backend, jobs.getBackend())),
    }
  }

  async consume(handle: Handle, options: ConsumeOptions): Promise<Consumer> {
    const consumer = await this.#reaching(() =>
      BullmqConsumer.start(this.#name, this.#backend, handle, { ...options, telemetry: this.#telemetry }, closed =>
        this.#consumers.delete(closed),
      ),
    )
    this.#consumers.add(consumer)
    return consumer
  }

  /** Closes everything. Open consumers disconnect at once, so close consumers first to let them finish. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#consumers].map(consumer => consumer.abort()))
    await within(SHUTDOWN_GRACE_MS, this.#jobs.close()).catch(() => {})
    this.#backend.drop(this.#jobs.getBackend())
    await this.#backend.close()
  }

  /** Runs a command. Rejects with QUEUE_UNREACHABLE or QUEUE_FULL when the server is unreachable or cannot work. */
  async #reaching<T>(command: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new AppError('QUEUE_UNREACHABLE', `The queue at ${this.location} is closed.`)
    try {
      return await command()
    } catch (error) {
      throw this.#backend.outageOf(error) ?? error
    }
  }
}

/** Prefixes ids: BullMQ rejects whole numbers, and a hexadecimal id may look like one. */
function jobId(batchId: string): string {
  return `b${batchId}`
}

function batchIdOf(jobId: string): string {
  return jobId.slice(1)
}

function batchState(state: string | undefined): BatchState {
  if (state === 'active' || state === 'delayed' || state === 'failed') return state
  return state === 'waiting' || state === 'prioritized' ? 'waiting' : 'absent'
}

function* chunks(ids: readonly string[]): Generator<readonly string[]> {
  for (let i = 0; i < ids.length; i += IDS_PER_COMMAND) yield ids.slice(i, i + IDS_PER_COMMAND)
}
