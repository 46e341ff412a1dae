import { setTimeout as pause } from 'node:timers/promises'
import type { Database } from '../../../src/db/connection.js'
import { openDatabase } from '../../../src/db/connection.js'
import { PostgresIngestRepository } from '../../../src/db/ingest/ingest-repository.js'
import { PostgresRunRepository } from '../../../src/db/ingest/run-repository.js'
import { migrate } from '../../../src/db/migrate.js'
import { barePhoto } from '../../../src/domain/photo.js'
import type { Batch } from '../../../src/domain/ports/queue.js'
import type { ModelId } from '../../../src/domain/ports/repository.js'
import type { Source, SourceRow } from '../../../src/producers/input/source.js'
import type { EnqueueDeps } from '../../../src/producers/queueing/batch-enqueuer.js'
import { type EnqueueOptions, type EnqueueSummary, enqueue } from '../../../src/producers/queueing/enqueue.js'
import type { BullmqQueue } from '../../../src/queue/bullmq-queue.js'
import { type RunningWorker, startWorker } from '../../../src/workers/worker.js'
import { type Address, openQueue } from '../../queue/backends.js'
import { NO_PLACES } from '../../support/no-places.js'
import { ALL_WELL, FakeEncoder, FakeImages, FakeLabels, MODEL, oneModel } from '../../workers/fakes.js'

const SECOND = 1000

/** A database, a queue and workers on real servers, as a producer has them; images and encoder are made up. */
export class RealServices implements EnqueueDeps {
  readonly images = new FakeImages()
  readonly places = NO_PLACES
  readonly #closers: (() => Promise<unknown>)[] = []
  #runs = 0

  private constructor(
    readonly database: Database,
    readonly repository: PostgresIngestRepository,
    readonly runs: PostgresRunRepository,
    readonly queue: BullmqQueue,
    readonly modelId: ModelId,
    private readonly openAnotherQueue: () => Promise<BullmqQueue>,
  ) {}

  static async open(databaseUrl: string, address: Address, name: string): Promise<RealServices> {
    const database = await openDatabase({ url: databaseUrl, reconnectMs: 60 * SECOND })
    await migrate(database)
    const repository = new PostgresIngestRepository(database)
    const modelId = await repository.registerModel(MODEL)
    const runs = new PostgresRunRepository(database)
    const openAnother = () => openQueue(address, { name })
    return new RealServices(database, repository, runs, await openAnother(), modelId, openAnother)
  }

  /** Workers first. */
  async close(): Promise<void> {
    for (const close of this.#closers.reverse()) await close()
    await this.queue.close()
    await this.database.close()
  }

  /** A run without batches yet. */
  async newRun(changes: { priority?: 'high' | 'low' } = {}): Promise<string> {
    const id = `run-${++this.#runs}`
    await this.repository.createRun({ id, modelId: this.modelId, source: 'test', options: {}, ...changes })
    return id
  }

  /** What a producer is told, but the run. */
  options(runId: string, changes: Partial<EnqueueOptions> = {}): EnqueueOptions {
    const { modelId } = this
    const batches = { photosPerJob: 4, labelSets: [], store: true, maxWaiting: 1000 }
    return { runId, modelId, model: MODEL, ...batches, ...changes }
  }

  /** Enqueues photos as a run of their own. */
  async ingest(photos: readonly string[], changes: Partial<EnqueueOptions> = {}): Promise<string> {
    const runId = await this.newRun()
    await this.enqueue(runId, photos, changes)
    return runId
  }

  enqueue(runId: string, photos: readonly string[], changes: Partial<EnqueueOptions> = {}): Promise<EnqueueSummary> {
    return enqueue(sourceOf(photos), this, this.options(runId, changes))
  }

  /** A worker in this process, with a connection to the queue of its own; closed with the rest. */
  async startWorker({ downloadMs = 0, concurrency = 2, lockMs = 2 * SECOND } = {}): Promise<RunningWorker> {
    this.images.onDownload = () => pause(downloadMs)
    const queue = await this.openAnotherQueue()
    const nothing = () => {}
    const worker = await startWorker(
      {
        repository: this.repository,
        runs: this.runs,
        places: NO_PLACES,
        reports: this.runs,
        labels: new FakeLabels(),
        labelSets: new Map(),
        models: oneModel(new FakeEncoder()),
        queue,
        imagePipeline: this.images,
        probes: ALL_WELL,
        logger: { debug: nothing, info: nothing, warn: nothing, error: nothing },
      },
      {
        model: 'test@fp32',
        concurrency,
        lockMs,
        maxAttempts: 3,
        retryBaseMs: 50,
        downloadConcurrency: 8,
        decodeConcurrency: 2,
      },
    )
    this.#closers.push(
      () => queue.close(),
      () => worker.abort(),
    )
    return worker
  }

  async embedded(): Promise<number> {
    return (await this.repository.totals(this.modelId)).embedded
  }

  /** Batches that wait for a worker, now or later. */
  async waiting(): Promise<number> {
    const { waiting, delayed } = await this.queue.counts()
    return waiting + delayed
  }

  /** Looks at the queue all the time. @returns ends that, and gives the most batches that waited */
  watchWaiting(): () => Promise<number> {
    let most = 0
    let isWatching = true
    const watched = (async () => {
      while (isWatching) most = Math.max(most, await this.waiting())
    })()
    const end = async () => {
      isWatching = false
      await watched
      return most
    }
    this.#closers.push(end)
    return end
  }

  async isQueueEmpty(): Promise<boolean> {
    const { waiting, active, delayed, failed } = await this.queue.counts()
    return waiting + active + delayed + failed === 0
  }

  /** Hands batches to a handler of the test. */
  async consume(handle: (batch: Batch) => Promise<void>, lockMs = 60 * SECOND): Promise<void> {
    const queue = await this.openAnotherQueue()
    await queue.consume(handle, { concurrency: 4, lockMs, onError: () => {} })
    this.#closers.push(() => queue.close())
  }
}

/** `count` ids of photos. */
export function photoIds(count: number, prefix = 'photo'): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}-${String(i).padStart(5, '0')}`)
}

function sourceOf(photos: readonly string[]): Source {
  return {
    kind: 'url-list',
    folders: [],
    description: 'test',
    warnings: [],
    async *rows(): AsyncGenerator<SourceRow> {
      for (const [i, id] of photos.entries())
        yield { line: i + 1, part: 'test', photo: barePhoto(id, `https://images.test/${id}`) }
    },
    async close() {},
  }
}
