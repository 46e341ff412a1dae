import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { PromptRequests } from '../../domain/ports/prompts.js'
import { VERSION } from '../../version.js'
import type { RunningWorker, WorkerDeps } from '../../workers/worker.js'
import type { MetricSnapshot } from './snapshot.js'

/** Seconds; from a photo that is preprocessed in milliseconds to a batch of 1,024 that is encoded on one thread. */
const STAGE_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

type FollowedWorker = Pick<RunningWorker, 'stats' | 'photosInHand'>

export interface WorkerMetricsOptions {
  /** `name@precision` */
  model: string
  /** Batches at once. */
  concurrency: number
  /** Several processes are shown together: what is of the process, like its memory, then carries its id. */
  labelledByPid: boolean
}

/** What a worker process counts and measures, by the conventions of Prometheus. */
export class WorkerMetrics {
  readonly #registry = new Registry()
  readonly #stages: Histogram<'stage'>
  readonly #failed: Counter<'code'>
  readonly #prompts: Counter<'outcome'>
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
    counted('unsplash_clip_photos_retried_total', 'Photos put into the queue again, for another try later.', 'retried')
    counted('unsplash_clip_photos_skipped_total', 'Photos found settled by an earlier delivery.', 'skipped')
    this.#failed = new Counter({
      name: 'unsplash_clip_photos_failed_total',
      help: 'Photos that failed for good, by code.',
      labelNames: ['code'],
      registers,
    })
    this.#prompts = new Counter({
      name: 'unsplash_clip_prompts_total',
      help: 'Prompts that people asked for, by outcome: embedded, failed.',
      labelNames: ['outcome'],
      registers,
    })
    const batches = (outcome: 'done' | 'rejected', of: 'batches' | 'rejected') => ({
      outcome,
      count: () => this.#worker?.stats()[of] ?? 0,
    })
    const outcomes = [batches('done', 'batches'), batches('rejected', 'rejected')]
    new Counter({
      name: 'unsplash_clip_batches_total',
      help: 'Deliveries of batches: done, or rejected and back in the queue.',
      labelNames: ['outcome'],
      registers,
      collect() {
        this.reset()
        for (const { outcome, count } of outcomes) this.inc({ outcome }, count())
      },
    })
    this.#stages = new Histogram({
      name: 'unsplash_clip_stage_seconds',
      help: 'Time that a pass through a stage took: of a photo download, store_copy, preprocess; of a batch encode, write, wait.',
      labelNames: ['stage'],
      buckets: STAGE_BUCKETS,
      registers,
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
      help: 'Batches handled at once at most.',
      registers,
    }).set(concurrency)
    new Gauge({
      name: 'unsplash_clip_workers_info',
      help: 'Worker processes, by version and model.',
      labelNames: ['version', 'model'],
      registers,
    }).set({ version: VERSION, model }, 1)
  }

  /** The same parts of a worker; what it records as failed, the prompts it answers and the stages it passes are counted. */
  observing(deps: WorkerDeps): WorkerDeps {
    const { repository, prompts, onStage } = deps
    const recordOutcome: typeof repository.recordOutcome = async outcome => {
      await repository.recordOutcome(outcome)
      for (const { code } of outcome.failures) this.#failed.inc({ code })
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

  /** From now on its counts are shown. */
  follow(worker: FollowedWorker): void {
    this.#worker = worker
  }

  /** Without values that are no numbers, such as the mean of nothing: they do not survive as data. */
  async snapshot(): Promise<MetricSnapshot> {
    const metrics = (await this.#registry.getMetricsAsJSON()) as MetricSnapshot
    return metrics.map(metric => ({ ...metric, values: metric.values.filter(({ value }) => Number.isFinite(value)) }))
  }
}

function setting(count: () => number): (this: Counter) => void {
  return function () {
    this.reset()
    this.inc(count())
  }
}

/** An object of a class, some methods of which are others. Its fields may be private, so it cannot be copied. */
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
