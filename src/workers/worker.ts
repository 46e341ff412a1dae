import type { Logger } from 'pino'
import type { LabelSet } from '../domain/labels.js'
import { modelKey } from '../domain/model.js'
import type { Encoder } from '../domain/ports/encoder.js'
import type { Batch, Consumer, Queue } from '../domain/ports/queue.js'
import type { IngestRepository, LabelRepository } from '../domain/ports/repository.js'
import { IdleWatch } from './idle-watch.js'
import { Prompts } from './label.js'
import { createLimits, type ImagePipeline } from './prepare.js'
import { type BatchReport, processBatch } from './process-batch.js'

const SECOND = 1000
const HEARTBEAT_MS = 30 * SECOND

export interface WorkerDeps {
  repository: Pick<IngestRepository, 'registerModel' | 'photoStates' | 'recordOutcome'>
  labels: Pick<LabelRepository, 'hasPrompts' | 'savePrompts'>
  /** By name; what a batch asks for must be here. */
  labelSets: ReadonlyMap<string, LabelSet>
  encoder: Encoder
  queue: Queue
  imagePipeline: ImagePipeline
  logger: Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>
}

export interface WorkerOptions {
  /** Batches at once. */
  concurrency: number
  /** After so long a silence the batches of this worker go to others. */
  lockMs: number
  /** Tries of a photo, the first included. */
  maxAttempts: number
  retryBaseMs: number
  /** Photos in memory as they were downloaded. */
  downloadConcurrency: number
  /** Photos decoded at once. */
  decodeConcurrency: number
  /** Ends when no batch is waiting, active or delayed, wherever. */
  untilIdle?: boolean
}

/** What a worker has done since it started. */
export interface WorkerStats extends BatchReport {
  batches: number
  /** Deliveries that were rejected, and go back to the queue. */
  rejected: number
  /** Photos settled a second, since the start. */
  photosPerSecond: number
}

export interface RunningWorker {
  /** Takes no new batch, finishes those in hand. */
  close(): Promise<void>
  /** Stops what is in hand and hands it back. */
  abort(): Promise<void>
  stats(): WorkerStats
  /** Resolves when the worker has ended, whatever the reason. */
  readonly done: Promise<void>
}

/** Consumes the queue until it is closed, aborted or, with `untilIdle`, out of work. What it was given stays open. */
export async function startWorker(deps: WorkerDeps, options: WorkerOptions): Promise<RunningWorker> {
  const worker = new PhotoWorker(deps, options)
  await worker.start()
  return worker
}

class PhotoWorker implements RunningWorker {
  readonly done: Promise<void>
  readonly #startedAt = Date.now()
  readonly #counts = { batches: 0, rejected: 0, embedded: 0, failed: 0, retried: 0, skipped: 0 }
  #consumer: Consumer | undefined
  #idleWatch: IdleWatch | undefined
  #heartbeat: NodeJS.Timeout | undefined
  #finish: () => void = () => {}

  constructor(
    private readonly deps: WorkerDeps,
    private readonly options: WorkerOptions,
  ) {
    this.done = new Promise(resolve => {
      this.#finish = resolve
    })
  }

  async start(): Promise<void> {
    const { repository, labels, labelSets, encoder, queue, imagePipeline, logger } = this.deps
    const { maxAttempts, retryBaseMs, concurrency, lockMs, untilIdle } = this.options
    const modelId = await repository.registerModel(encoder.model)
    const batchDeps = {
      repository,
      queue,
      encoder,
      modelId,
      prompts: new Prompts({ labels, encoder, modelId, labelSets }),
      pipeline: imagePipeline,
      limits: createLimits(this.options),
      retry: { maxAttempts, baseMs: retryBaseMs },
    }
    this.#consumer = await queue.consume(
      (batch, signal) => this.#observed(batch, signal, () => processBatch(batch, batchDeps, signal)),
      { concurrency, lockMs, onError: err => logger.warn({ err }, `queue at ${queue.location}; consuming goes on`) },
    )
    logger.info({ model: modelKey(encoder.model), queue: queue.location, concurrency }, 'worker started')
    this.#heartbeat = setInterval(() => logger.info(this.stats(), 'worker at work'), HEARTBEAT_MS)
    if (untilIdle) this.#idleWatch = new IdleWatch(queue, () => void this.close())
  }

  close(): Promise<void> {
    return this.#end(consumer => consumer.close())
  }

  abort(): Promise<void> {
    return this.#end(consumer => consumer.abort())
  }

  stats(): WorkerStats {
    const seconds = (Date.now() - this.#startedAt) / SECOND
    const settled = this.#counts.embedded + this.#counts.failed
    return { ...this.#counts, photosPerSecond: Math.round((settled / Math.max(seconds, 0.001)) * 10) / 10 }
  }

  async #end(letGo: (consumer: Consumer) => Promise<void>): Promise<void> {
    this.#idleWatch?.close()
    clearInterval(this.#heartbeat)
    try {
      if (this.#consumer) await letGo(this.#consumer)
    } finally {
      this.#finish()
    }
  }

  async #observed(batch: Batch, signal: AbortSignal, run: () => Promise<BatchReport>): Promise<void> {
    const { logger } = this.deps
    const about = { batch: batch.id, run: batch.runId, attempt: batch.attempt }
    const startedAt = Date.now()
    try {
      const report = await run()
      this.#counts.batches++
      for (const key of ['embedded', 'failed', 'retried', 'skipped'] as const) this.#counts[key] += report[key]
      logger.info({ ...about, ...report, ms: Date.now() - startedAt }, 'batch done')
    } catch (err) {
      if (signal.aborted) logger.info(about, 'batch handed back')
      else {
        this.#counts.rejected++
        logger.error({ ...about, err, ms: Date.now() - startedAt }, 'batch goes back to the queue, for another try')
      }
      throw err
    }
  }
}
