import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { PromptRequests } from '../domain/ports/prompts.js'
import type { FileRewrites } from '../domain/rewrite.js'
import { VERSION } from '../version.js'
import { SERVICES } from '../workers/delivery/outage.js'
import { STAGES } from '../workers/stages/stage-clock.js'
import { keepCounters, type MetricSnapshot } from '../workers/supervisor/metric-snapshot.js'
import type { RunningWorker, WorkerDeps } from '../workers/worker.js'
import { FAILURE_LABELS, failureLabel } from './failure-labels.js'

/** Seconds: from preprocessing one photo in milliseconds to encoding a batch of 1,024 on one thread. */
const STAGE_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

type FollowedWorker = Pick<RunningWorker, 'stats' | 'photosInHand' | 'isAway'>

export interface WorkerMetricsOptions {
  /** `name@precision` */
  model: string
  /** Concurrent batches. */
  concurrency: number
  /** Whether several processes are reported together. Metrics of a process, such as its memory, then carry its id. */
  labelledByPid: boolean
}

/**
 * Metrics of a worker process, by the conventions of Prometheus. Every labelled series exists from the start, counters
 * at 0: `rate()` and `increase()` miss what a series already counts when it appears.
 */
export class WorkerMetrics {
  readonly #registry = new Registry()
  readonly #stages: Histogram<'stage'>
  readonly #failed: Counter<'code'>
  readonly #prompts: Counter<'outcome'>
  readonly #rewrites: Gauge<'model' | 'file' | 'rewrite' | 'outcome'>
  #worker: FollowedWorker | undefined

  constructor({ model, concurrency, labelledByPid }: WorkerMetricsOptions) {
    const registers = [this.#registry]
    collectDefaultMetrics({
      register: this.#registry,
      ...(labelledByPid ? { labels: { pid: String(process.pid) } } : {}),
    })
    const counted = (name: string, help: string, of: 'embedded' | 'retried' | 'skipped') => {
      const count = () => this.#worker?.stats()[of] ?? 0
      new Counter({ name, help, registers, collect: setting(count) })
    }
    counted('unsplash_clip_photos_embedded_total', 'Photos embedded.', 'embedded')
    counted('unsplash_clip_photos_retried_total', 'Photos returned to the queue for a later attempt.', 'retried')
    counted('unsplash_clip_photos_skipped_total', 'Photos that an earlier delivery had settled.', 'skipped')
    this.#failed = new Counter({
      name: 'unsplash_clip_photos_failed_total',
      help: 'Photos that failed for good, by code.',
      labelNames: ['code'],
      registers,
    })
    for (const code of FAILURE_LABELS) this.#failed.inc({ code }, 0)
    this.#prompts = new Counter({
      name: 'unsplash_clip_prompts_total',
      help: 'Requested prompts, by outcome: embedded, failed.',
      labelNames: ['outcome'],
      registers,
    })
    for (const outcome of ['embedded', 'failed']) this.#prompts.inc({ outcome }, 0)
    const batches = (outcome: string, of: 'batches' | 'rejected' | 'deferred' | 'setAside') => ({
      outcome,
      count: () => this.#worker?.stats()[of] ?? 0,
    })
    const outcomes = [
      batches('done', 'batches'),
      batches('rejected', 'rejected'),
      batches('deferred', 'deferred'),
      batches('set_aside', 'setAside'),
    ]
    new Counter({
      name: 'unsplash_clip_batches_total',
      help:
        'Deliveries of batches: done; rejected (counts as an attempt); deferred by an outage or a wait; set_aside of a ' +
        'paused or cancelled run, or split.',
      labelNames: ['outcome'],
      registers,
      collect() {
        this.reset()
        for (const { outcome, count } of outcomes) this.inc({ outcome }, count())
      },
    })
    this.#stages = new Histogram({
      name: 'unsplash_clip_stage_seconds',
      help: 'Time per pass through a stage: download, store_copy, preprocess per photo; encode, write, wait per batch.',
      labelNames: ['stage'],
      buckets: STAGE_BUCKETS,
      registers,
    })
    for (const stage of STAGES) this.#stages.zero({ stage })
    const isAway = (service: (typeof SERVICES)[number]) => this.#worker?.isAway(service) === true
    new Gauge({
      name: 'unsplash_clip_circuits_open',
      help: 'Worker processes that wait because this service is away: database, queue, store, network (photos of hosts only).',
      labelNames: ['service'],
      registers,
      collect() {
        for (const service of SERVICES) this.set({ service }, isAway(service) ? 1 : 0)
      },
    })
    const inHand = () => this.#worker?.photosInHand() ?? 0
    new Gauge({
      name: 'unsplash_clip_photos_in_hand',
      help: 'Photos between the start of their download and the end of storing their copy.',
      registers,
      collect() {
        this.set(inHand())
      },
    })
    new Gauge({
      name: 'unsplash_clip_worker_concurrency',
      help: 'Maximum concurrent batches.',
      registers,
    }).set(concurrency)
    new Gauge({
      name: 'unsplash_clip_workers_info',
      help: 'Worker processes, by version and model.',
      labelNames: ['version', 'model'],
      registers,
    }).set({ version: VERSION, model }, 1)
    this.#rewrites = new Gauge({
      name: 'unsplash_clip_model_rewrites_info',
      help: 'Worker processes, by what a rewrite did to a model file: applied, not-needed, left-out.',
      labelNames: ['model', 'file', 'rewrite', 'outcome'],
      registers,
    })
  }

  /** Wraps the parts of a worker to count recorded failures, answered prompts and passed stages. */
  observing(deps: WorkerDeps): WorkerDeps {
    const { repository, prompts, onStage } = deps
    const recordOutcome: typeof repository.recordOutcome = async outcome => {
      await repository.recordOutcome(outcome)
      for (const { code } of outcome.failures) this.#failed.inc({ code: failureLabel(code) })
    }
    const answer: PromptRequests['answer'] = async answers => {
      await prompts!.answer(answers)
      for (const one of answers) this.#prompts.inc({ outcome: 'problem' in one ? 'failed' : 'embedded' })
    }
    return {
      ...deps,
      repository: withMethods(repository, { recordOutcome }),
      ...(prompts ? { prompts: withMethods(prompts, { answer }) } : {}),
      onStage: (stage, seconds) => {
        onStage?.(stage, seconds)
        this.#stages.observe({ stage }, seconds)
      },
    }
  }

  /** Reports what was changed in the files of a model that was opened. */
  opened(model: string, files: readonly FileRewrites[]): void {
    for (const { file, rewrites } of files)
      for (const { name, outcome } of rewrites) this.#rewrites.set({ model, file, rewrite: name, outcome }, 1)
  }

  /** Reports the counts of a worker from now on. */
  follow(worker: FollowedWorker): void {
    this.#worker = worker
  }

  /** Returns the values without NaN, such as the mean of nothing, which cannot be serialised. */
  async snapshot(): Promise<MetricSnapshot> {
    const metrics = (await this.#registry.getMetricsAsJSON()) as MetricSnapshot
    return metrics.map(metric => ({ ...metric, values: metric.values.filter(({ value }) => Number.isFinite(value)) }))
  }
}

/** The counters of a worker that has done nothing. A supervisor serves them before its first process has started. */
export async function zeroCounters(model: string): Promise<MetricSnapshot> {
  return keepCounters(await new WorkerMetrics({ model, concurrency: 0, labelledByPid: true }).snapshot())
}

function setting(count: () => number): (this: Counter) => void {
  return function () {
    this.reset()
    this.inc(count())
  }
}

/** Overrides methods of an object. Its fields may be private, so it cannot be copied. */
function withMethods<T extends object>(object: T, methods: Partial<T>): T {
  return new Proxy(object, {
    get: (target, key) => {
      const own = methods[key as keyof T]
      if (own !== undefined) return own
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
