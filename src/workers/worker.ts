import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from 'pino'
import { Heartbeat } from '../domain/heartbeat.js'
import type { LabelSet } from '../domain/labels.js'
import type { Encoder } from '../domain/ports/encoder.js'
import type { PlaceRepository } from '../domain/ports/place-repository.js'
import type { PromptRequests } from '../domain/ports/prompts.js'
import { type Batch, type Consumer, type Delivery, type Queue, RetryLaterError } from '../domain/ports/queue.js'
import type { IngestRepository } from '../domain/ports/repository.js'
import type { RunRepository, WorkerReport } from '../domain/ports/run-repository.js'
import { type SpanAttributes, traced } from '../domain/tracing/spans.js'
import { SECOND } from '../domain/units.js'
import { CircuitBreaker, type Probe } from './delivery/circuit-breaker.js'
import { EncoderPool, type EncoderSource } from './delivery/encoder-pool.js'
import { IsolationLock } from './delivery/isolation-lock.js'
import { outageOf, type Service } from './delivery/outage.js'
import { type DeliveryDeps, takeDelivery } from './delivery/take-delivery.js'
import { WrongModelAttempts } from './delivery/wrong-model-attempts.js'
import { IdleWatch } from './idle-watch.js'
import { describePauses } from './paused-hosts.js'
import { PromptResponder } from './prompt-responder.js'
import { RecentRate } from './recent-rate.js'
import { LabelPromptCache, type WorkerLabels } from './stages/label.js'
import { createLimits, type ImagePipeline, type Limits } from './stages/prepare.js'
import type { BatchReport } from './stages/process-batch.js'
import { type OnStage, type Stage, StageClock } from './stages/stage-clock.js'

const LOG_EVERY_MS = 30 * SECOND
const REPORT_EVERY_MS = 5 * SECOND
const RATE_MS = 60 * SECOND
/** How long an ending worker works on the photos under way. It hands back what it has not finished by then. */
const FINISH_MS = 3 * SECOND

export interface WorkerDeps {
  repository: Pick<IngestRepository, 'registerModel' | 'photoStates' | 'embeddedVersions' | 'recordOutcome'>
  runs: Pick<RunRepository, 'controlOfBatch' | 'setAside' | 'giveUp' | 'labelSets'>
  places: Pick<PlaceRepository, 'placesOf'>
  /** Has its own connection, so that no batch waits for a report. */
  reports: Pick<RunRepository, 'report' | 'leave'>
  labels: WorkerLabels
  /** By name; for runs that pinned no definitions. */
  labelSets: ReadonlyMap<string, LabelSet>
  models: EncoderSource
  /** Prompts requested in SQL; undefined: none are answered. */
  prompts?: PromptRequests
  queue: Queue
  imagePipeline: ImagePipeline
  /** Checks whether a service answers. */
  probes: Record<Service, Probe>
  logger: Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>
  onStage?: OnStage
}

export interface WorkerOptions {
  /** `name@precision`: loaded at the start. Batches for other models load theirs. */
  model: string
  /** Batches handled at the same time. */
  concurrency: number
  /** After this silence the queue hands the batches of this worker to others. */
  lockMs: number
  /** Tries per photo, the first included. */
  maxAttempts: number
  retryBaseMs: number
  /** Photos held in memory as downloaded. */
  downloadConcurrency: number
  /** Photos decoded at the same time. */
  decodeConcurrency: number
  /** Ends when no batch is waiting, active or delayed on any worker. */
  untilIdle?: boolean
  /** Aborts loading the first model. */
  signal?: AbortSignal
}

/** Work done since the start. */
export interface WorkerStats extends BatchReport {
  batches: number
  /** Rejected deliveries; they go back to the queue. */
  rejected: number
  /** Deliveries deferred because of an outage or a wait. */
  deferred: number
  /** Batches parked, dropped (cancelled run), or split. */
  setAside: number
  /** Photos settled per second since the start. */
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
  /** Takes no new batch, hands back what only waits, finishes photos under way for {@link FINISH_MS}, hands back the rest. */
  close(): Promise<void>
  /** Stops the batches under way and hands them back. */
  abort(): Promise<void>
  stats(): WorkerStats
  /** Photos between the start of their download and the end of storing their copy. */
  photosInHand(): number
  /** Names the services that are away and why, for people; null: none. */
  trouble(): string | null
  /** Whether the worker begins nothing because this service is away. */
  isAway(service: Service): boolean
  /** Resolves when the worker has ended, for whatever reason. */
  readonly done: Promise<void>
}

/** Consumes the queue until closed, aborted or, with `untilIdle`, out of work. Closes none of its dependencies. */
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
  readonly #encoderPool: EncoderPool
  readonly #breaker: CircuitBreaker
  readonly #isolation = new IsolationLock()
  #consumer: Consumer | undefined
  #idleWatch: IdleWatch | undefined
  #logTimer: NodeJS.Timeout | undefined
  #heartbeat: Heartbeat | undefined
  #responder: PromptResponder | undefined
  #ended: Promise<void> | undefined
  #finish: () => void = () => {}

  constructor(
    private readonly deps: WorkerDeps,
    private readonly options: WorkerOptions,
  ) {
    this.#limits = createLimits(options)
    this.#clock = new StageClock(deps.onStage)
    this.#encoderPool = new EncoderPool(deps.models, deps.repository)
    this.#breaker = new CircuitBreaker(deps.probes, deps.logger)
    this.done = new Promise(resolve => {
      this.#finish = resolve
    })
  }

  async start(): Promise<void> {
    const { queue, logger, reports, repository, runs, places, imagePipeline } = this.deps
    const { model, maxAttempts, retryBaseMs, concurrency, lockMs, untilIdle, signal } = this.options
    const encoder = await this.#encoderPool.preload(model, signal ?? this.#leaving.signal)
    const deps: DeliveryDeps = {
      repository,
      runs,
      places,
      queue,
      encoders: this.#encoderPool,
      labelPrompts: new LabelPromptCache(this.deps),
      pipeline: imagePipeline,
      limits: this.#limits,
      retry: { maxAttempts, baseMs: retryBaseMs },
      breaker: this.#breaker,
      isolation: this.#isolation,
      wrongModelAttempts: new WrongModelAttempts(),
      clock: this.#clock,
      logger,
    }
    this.#consumer = await queue.consume((batch, stop, delivery) => this.#take(batch, delivery, deps, stop), {
      concurrency,
      lockMs,
      onError: err => {
        logger.warn({ err }, `queue at ${queue.location}; consuming goes on`)
        const service = outageOf(err)
        if (service !== null) this.#breaker.recordFailure(service, err)
      },
    })
    logger.info({ model, queue: queue.location, concurrency }, 'worker started')
    this.#logTimer = setInterval(() => logger.info(this.stats(), 'worker at work'), LOG_EVERY_MS)
    this.#heartbeat = new Heartbeat(() => reports.report(this.#report()), REPORT_EVERY_MS)
    this.#heartbeat.beat()
    this.#answerPrompts(encoder)
    if (untilIdle) this.#idleWatch = new IdleWatch(queue, () => void this.close())
  }

  close(): Promise<void> {
    this.#ended ??= this.#end(async consumer => {
      const closed = new AbortController()
      const closing = consumer.close().finally(() => closed.abort())
      await Promise.race([closing, pause(FINISH_MS, undefined, { signal: closed.signal }).catch(() => {})])
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
    return this.#limits.images.held
  }

  trouble(): string | null {
    return this.#breaker.trouble
  }

  isAway(service: Service): boolean {
    return this.#breaker.isOpen(service)
  }

  async #end(letGo: (consumer: Consumer) => Promise<void>): Promise<void> {
    this.#idleWatch?.close()
    clearInterval(this.#logTimer)
    this.#leaving.abort(new RetryLaterError(0, 'the worker ends'))
    try {
      if (this.#consumer) await letGo(this.#consumer)
    } finally {
      this.#breaker.close()
      this.#isolation.close()
      await Promise.all([this.#heartbeat?.end(() => this.deps.reports.leave(this.#id)), this.#responder?.close()])
      await this.#encoderPool.close()
      this.#finish()
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
      const settled = await traced('batch', { attributes: attributesOf(batch, delivery) }, async span => {
        const done = await takeDelivery(batch, delivery, deps, { stop, leave: this.#leaving.signal })
        if (done.kind === 'worked') span?.set(countsOf(done.report))
        return done
      })
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
      else if (err instanceof RetryLaterError) {
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

  /** Answers prompts for the start model only, and only if it has a text tower. */
  #answerPrompts({ model, hasTexts }: Pick<Encoder, 'model' | 'hasTexts'>): void {
    const { prompts: requests, logger } = this.deps
    if (requests === undefined || !hasTexts) return
    const wanted = { id: 'none', model: this.options.model, revision: model.revision }
    const acquire = () => this.#encoderPool.acquire(wanted, this.#leaving.signal)
    this.#responder = new PromptResponder(model, { requests, acquire, logger })
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
      trouble: this.#breaker.trouble ?? describePauses(this.deps.imagePipeline.pausedHosts()),
    }
  }
}

const attributesOf = ({ id, runId, model, photos, attempt }: Batch, { stalls }: Delivery): SpanAttributes => ({
  'unsplash_clip.run': runId,
  'unsplash_clip.batch': id,
  'unsplash_clip.model': model,
  'unsplash_clip.photos': photos.length,
  'unsplash_clip.attempt': attempt,
  'unsplash_clip.stalls': stalls,
})

const countsOf = (report: BatchReport): SpanAttributes =>
  Object.fromEntries(Object.entries(report).map(([name, photos]) => [`unsplash_clip.${name}`, photos]))
