import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { LabelSet } from '../domain/labels.js'
import type { Encoder } from '../domain/ports/encoder.js'
import type { PromptRequests } from '../domain/ports/prompts.js'
import { type Batch, type Consumer, Deferred, type Delivery, type Queue } from '../domain/ports/queue.js'
import type { IngestRepository } from '../domain/ports/repository.js'
import type { RunRepository, WorkerReport } from '../domain/ports/run-repository.js'
import { Encoders, type Models } from './encoders.js'
import { Gate, type Probe } from './gate.js'
import { IdleWatch } from './idle-watch.js'
import { Prompts, type WorkerLabels } from './label.js'
import type { Service } from './outage.js'
import { createLimits, type ImagePipeline, type Limits } from './prepare.js'
import type { BatchReport } from './process-batch.js'
import { PromptResponder } from './prompt-responder.js'
import { RecentRate } from './recent-rate.js'
import { Refusals } from './refusals.js'
import { Reporter } from './reporter.js'
import { type OnStage, type Stage, StageClock } from './stage-clock.js'
import { type DeliveryDeps, takeDelivery } from './take-delivery.js'
import { Turns } from './turns.js'

const SECOND = 1000
const HEARTBEAT_MS = 30 * SECOND
const RATE_MS = 60 * SECOND
/** While it finishes what is in hand, a worker asks so often whether that can be done at all. */
const CLOSING_PROBE_MS = 3 * SECOND

export interface WorkerDeps {
  repository: Pick<IngestRepository, 'registerModel' | 'photoStates' | 'recordOutcome'>
  runs: Pick<RunRepository, 'controlOfBatch' | 'setAside' | 'giveUp' | 'labelSets'>
  /** On a connection of its own, so that no batch waits for a report. */
  reports: Pick<RunRepository, 'report' | 'leave'>
  labels: WorkerLabels
  /** By name; for runs that pinned no definitions. */
  labelSets: ReadonlyMap<string, LabelSet>
  models: Models
  /** What people ask to be embedded; left out, nobody is answered. */
  prompts?: PromptRequests
  queue: Queue
  imagePipeline: ImagePipeline
  /** How to find out whether something is there. */
  probes: Record<Service, Probe>
  logger: Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>
  onStage?: OnStage
}

export interface WorkerOptions {
  /** `name@precision`: loaded at the start. Batches for others load theirs. */
  model: string
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
  /** Gives up loading the first model. */
  signal?: AbortSignal
}

/** What a worker has done since it started. */
export interface WorkerStats extends BatchReport {
  batches: number
  /** Deliveries that were rejected, and go back to the queue. */
  rejected: number
  /** Deliveries put off because something was away, or had to be waited for. */
  deferred: number
  /** Batches parked, let go, or taken apart. */
  setAside: number
  /** Photos settled a second, since the start. */
  photosPerSecond: number
  /** See {@link StageClock.seconds}. */
  stageSeconds: Record<Stage | 'all' | 'span', number>
}

export function noStats(): WorkerStats {
  return { ...noCounts(), photosPerSecond: 0, stageSeconds: new StageClock().seconds() }
}

const noCounts = () => ({
  batches: 0,
  rejected: 0,
  deferred: 0,
  setAside: 0,
  embedded: 0,
  failed: 0,
  retried: 0,
  skipped: 0,
})

export interface RunningWorker {
  /** Takes no new batch, finishes those in hand; hands them back when something is away that is needed for it. */
  close(): Promise<void>
  /** Stops what is in hand and hands it back. */
  abort(): Promise<void>
  stats(): WorkerStats
  /** Photos between the start of their download and the end of storing their copy, now. */
  photosInHand(): number
  /** What is away and why, for people; null: nothing. */
  trouble(): string | null
  /** Resolves when the worker has ended, whatever the reason. */
  readonly done: Promise<void>
}

/** Consumes the queue until it is closed, aborted or, with `untilIdle`, out of work. What it was given stays open. */
export async function startWorker(deps: WorkerDeps, options: WorkerOptions): Promise<RunningWorker> {
  const worker = new PhotoWorker(deps, options)
  try {
    await worker.start()
  } catch (error) {
    await worker.abort()
    throw error
  }
  return worker
}

class PhotoWorker implements RunningWorker {
  readonly done: Promise<void>
  readonly #id = randomUUID()
  readonly #startedAt = new Date()
  readonly #counts = noCounts()
  readonly #rate = new RecentRate(RATE_MS)
  readonly #inHand = new Set<Batch>()
  readonly #leaving = new AbortController()
  readonly #limits: Limits
  readonly #clock: StageClock
  readonly #encoders: Encoders
  readonly #gate: Gate
  readonly #turns = new Turns()
  #consumer: Consumer | undefined
  #idleWatch: IdleWatch | undefined
  #heartbeat: NodeJS.Timeout | undefined
  #reporter: Reporter | undefined
  #responder: PromptResponder | undefined
  #ended: Promise<void> | undefined
  #finish: () => void = () => {}

  constructor(
    private readonly deps: WorkerDeps,
    private readonly options: WorkerOptions,
  ) {
    this.#limits = createLimits(options)
    this.#clock = new StageClock(deps.onStage)
    this.#encoders = new Encoders(deps.models, deps.repository)
    this.#gate = new Gate(deps.probes, deps.logger)
    this.done = new Promise(resolve => {
      this.#finish = resolve
    })
  }

  async start(): Promise<void> {
    const { queue, logger, reports, repository, runs, imagePipeline } = this.deps
    const { model, maxAttempts, retryBaseMs, concurrency, lockMs, untilIdle, signal } = this.options
    const encoder = await this.#encoders.preload(model, signal ?? this.#leaving.signal)
    const deps: DeliveryDeps = {
      repository,
      runs,
      queue,
      encoders: this.#encoders,
      prompts: new Prompts(this.deps),
      pipeline: imagePipeline,
      limits: this.#limits,
      retry: { maxAttempts, baseMs: retryBaseMs },
      gate: this.#gate,
      turns: this.#turns,
      refusals: new Refusals(),
      clock: this.#clock,
    }
    this.#consumer = await queue.consume((batch, stop, delivery) => this.#take(batch, delivery, deps, stop), {
      concurrency,
      lockMs,
      onError: err => logger.warn({ err }, `queue at ${queue.location}; consuming goes on`),
    })
    logger.info({ model, queue: queue.location, concurrency }, 'worker started')
    this.#heartbeat = setInterval(() => logger.info(this.stats(), 'worker at work'), HEARTBEAT_MS)
    this.#reporter = new Reporter(reports, () => this.#report())
    this.#answerPrompts(encoder)
    if (untilIdle) this.#idleWatch = new IdleWatch(queue, () => void this.close())
  }

  close(): Promise<void> {
    this.#ended ??= this.#end(async consumer => {
      const closed = new AbortController()
      const closing = consumer.close().finally(() => closed.abort())
      await Promise.race([closing, this.#trouble(closed.signal)])
      if (!closed.signal.aborted) await consumer.abort()
      await closing
    })
    return this.#ended
  }

  abort(): Promise<void> {
    const aborted = this.#consumer?.abort()
    this.#ended ??= this.#end(consumer => consumer.abort())
    return Promise.all([aborted, this.#ended]).then(() => {})
  }

  stats(): WorkerStats {
    const seconds = (Date.now() - this.#startedAt.getTime()) / SECOND
    const settled = this.#counts.embedded + this.#counts.failed
    return {
      ...this.#counts,
      photosPerSecond: Math.round((settled / Math.max(seconds, 0.001)) * 10) / 10,
      stageSeconds: this.#clock.seconds(),
    }
  }

  photosInHand(): number {
    return this.#limits.images.activeCount
  }

  trouble(): string | null {
    return this.#gate.trouble
  }

  async #end(letGo: (consumer: Consumer) => Promise<void>): Promise<void> {
    this.#idleWatch?.close()
    clearInterval(this.#heartbeat)
    this.#leaving.abort(new Deferred(0, 'the worker ends'))
    try {
      if (this.#consumer) await letGo(this.#consumer)
    } finally {
      this.#gate.close()
      this.#turns.close()
      await this.#reporter?.close()
      await this.#responder?.close()
      await this.#encoders.close()
      this.#finish()
    }
  }

  /** Resolves when something is away that what is in hand may need; not at all once the signal is aborted. */
  async #trouble(closed: AbortSignal): Promise<void> {
    while (this.#gate.trouble === null && !closed.aborted) {
      await this.#gate.probe()
      if (this.#gate.trouble === null) await pause(CLOSING_PROBE_MS, undefined, { signal: closed }).catch(() => {})
    }
  }

  async #take(batch: Batch, delivery: Delivery, deps: DeliveryDeps, stop: AbortSignal): Promise<void> {
    const { logger } = this.deps
    const { stalls } = delivery
    const about = {
      batch: batch.id,
      run: batch.runId,
      attempt: batch.attempt,
      ...(stalls > 0 ? { stalls } : {}),
      ...(batch.isolated ? { isolated: batch.photos.length } : {}),
    }
    const startedAt = Date.now()
    this.#inHand.add(batch)
    try {
      const settled = await takeDelivery(batch, delivery, deps, { stop, leave: this.#leaving.signal })
      if (settled.kind === 'worked') {
        this.#counts.batches++
        for (const key of ['embedded', 'failed', 'retried', 'skipped'] as const)
          this.#counts[key] += settled.report[key]
        logger.info({ ...about, ...settled.report, ms: Date.now() - startedAt }, 'batch done')
      } else {
        this.#counts.setAside++
        logger.info(about, settled.kind === 'split' ? 'batch split in halves' : `run ${settled.kind}; batch set aside`)
      }
    } catch (err) {
      if (stop.aborted) logger.info(about, 'batch handed back')
      else if (err instanceof Deferred) {
        this.#counts.deferred++
        logger.info({ ...about, delayMs: err.delayMs, reason: err.message }, 'batch deferred')
      } else {
        this.#counts.rejected++
        const what = delivery.isLast ? 'batch given up' : 'batch goes back to the queue, for another try'
        logger.error({ ...about, err, ms: Date.now() - startedAt }, what)
      }
      throw err
    } finally {
      this.#inHand.delete(batch)
    }
  }

  /** Only with the model that it was started with, and where that knows words. */
  #answerPrompts({ model, hasTexts }: Pick<Encoder, 'model' | 'hasTexts'>): void {
    const { prompts: requests, logger } = this.deps
    if (requests === undefined || !hasTexts) return
    const wanted = { id: 'none', model: this.options.model, revision: model.revision }
    const borrow = () => this.#encoders.borrow(wanted, this.#leaving.signal)
    this.#responder = new PromptResponder(model, { requests, borrow, logger })
  }

  #report(): WorkerReport {
    const { embedded, failed } = this.#counts
    const inHand: Record<string, number> = {}
    for (const { runId, photos } of this.#inHand) inHand[runId] = (inHand[runId] ?? 0) + photos.length
    return {
      id: this.#id,
      host: hostname(),
      pid: process.pid,
      model: this.options.model,
      startedAt: this.#startedAt,
      embedded,
      failed,
      photosPerSecond: this.#rate.look(embedded + failed),
      inHand,
      trouble: this.#gate.trouble,
    }
  }
}
