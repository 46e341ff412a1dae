import { join, resolve } from 'node:path'
import type { Logger } from 'pino'
import type { Config } from '../config.js'
import type { Migrated } from '../db/migrate.js'
import type { ObjectReader } from '../domain/ports/object-reader.js'
import type { ObjectStore } from '../domain/ports/object-store.js'
import type { Queue } from '../domain/ports/queue.js'
import type { RateLimiter } from '../domain/ports/rate-limiter.js'
import { redact } from '../domain/text/redact.js'
import { useTracer } from '../domain/tracing/spans.js'
import type { GuardedFetcher } from '../net/fetch.js'
import { packageRoot } from '../package-root.js'
import type { QueueBoard } from '../queue/bullmq-queue.js'
import type { CopiedObjects, CopyObjectsOptions } from '../storage/copy-objects.js'
import type { Tracing } from '../tracing/open-tracing.js'
import { VERSION } from '../version.js'
import { DatabasePart } from './database.js'
import { Lifecycle } from './lifecycle.js'
import { ModelPart } from './models.js'
import { openImagePipeline } from './open-image-pipeline.js'
import { openLogger, openNotes } from './open-logger.js'
import { openQueue } from './open-queue.js'
import { openRateLimiter } from './open-rate-limiter.js'
import type { Repositories } from './open-repositories.js'
import { openObjects, openStore } from './open-store.js'
import { type SignedCopies, signedCopiesOf } from './signed-copies.js'

export interface AppOptions {
  /** For the variables that URL templates name. */
  environment?: Readonly<Record<string, string | undefined>>
  /** Ends the wait for an embedded database that is being started. */
  signal?: AbortSignal
  /** Receives the reason of a wait, as it begins; an empty text when it is over. */
  onNotice?: (text: string) => void
  /** Receives each warning as a sentence. Without it, the log goes to stderr as JSON. */
  onWarning?: (sentence: string) => void
}

export function compose(config: Config, options: AppOptions = {}): App {
  return new App(config, options)
}

/**
 * The parts of the system, as the settings want them. A part is loaded and opened on first use, in any order, and
 * shared afterwards, so a search does not wait for code that it does not run. `close` closes all opened parts in
 * reverse order.
 */
export class App {
  readonly #lifecycle = new Lifecycle()
  readonly database: DatabasePart
  readonly models: ModelPart
  readonly #onWarning: AppOptions['onWarning']
  readonly #environment: NonNullable<AppOptions['environment']>

  constructor(
    readonly config: Config,
    { environment = {}, signal, onWarning, onNotice }: AppOptions = {},
  ) {
    this.#onWarning = onWarning
    this.#environment = environment
    const logger = () => this.logger()
    this.database = new DatabasePart(config, this.#lifecycle, logger, signal, onNotice)
    this.models = new ModelPart(config, this.#lifecycle, logger)
  }

  get storeLocation(): string {
    return this.config.OBJECT_STORE ?? join(this.config.UNSPLASH_CLIP_HOME, 'objects')
  }

  /** Folders of label sets, in order of precedence. */
  get labelFolders(): string[] {
    const own = this.config.LABELS_DIR
    return [...(own ? [resolve(own)] : []), join(packageRoot(), 'labels')]
  }

  repositories(): Promise<Repositories> {
    return this.database.repositories()
  }

  /**
   * Migrates the database, repairs its functions and views, and creates the queue's tables where the queue lives in
   * Postgres: users with fewer rights need all of it.
   */
  async migrate(): Promise<Migrated> {
    const result = await this.database.migrate()
    if (this.config.REDIS_URL === undefined) await this.queue()
    return result
  }

  /** Sends traces where a collector is named. Call it first, so that its end comes last. @returns null: none is named */
  tracing(): Promise<Tracing | null> {
    return this.#lifecycle.once('tracing', async () => {
      const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint } = this.config
      if (endpoint === undefined) return null
      const { openTracing } = await import('../tracing/open-tracing.js')
      const logger = await this.logger()
      const tracing = openTracing({
        endpoint,
        environment: this.#environment,
        onProblem: reason => logger.warn({ reason: redact(reason) }, 'traces are not sent'),
      })
      useTracer(tracing.tracer)
      this.#lifecycle.onClose(() => {
        useTracer(null)
        return tracing.close()
      })
      return tracing
    })
  }

  queue(): Promise<Queue> {
    return this.#lifecycle.once('queue', async () => {
      const telemetry = (await this.tracing())?.queue
      const connections = { databaseUrl: () => this.database.url(), logger: () => this.logger(), telemetry }
      const queue = await openQueue(this.config, connections)
      this.#lifecycle.onClose(() => queue.close())
      return queue
    })
  }

  /** The jobs of the queue on Redis, for a dashboard. */
  async queueBoard(): Promise<QueueBoard> {
    const { openQueueBoard } = await import('../queue/queue-board.js')
    return openQueueBoard(await this.queue())
  }

  /**
   * The queue, for commands that add batches or take them.
   * @throws AppError QUEUE_UNREACHABLE also for a Redis that is a replica or lacks a right
   */
  async servingQueue(): Promise<Queue> {
    const queue = await this.queue()
    if (this.config.REDIS_URL) await (await import('../queue/redis-backend.js')).assertServes(queue)
    return queue
  }

  /** The object store. Checks that it is writable. */
  store(): Promise<ObjectStore> {
    return this.#lifecycle.once('store', async () => {
      const store = await openStore(this.storeLocation, this.config)
      this.#lifecycle.onClose(() => store.close())
      await store.check()
      return store
    })
  }

  /** A store for an export, with the settings of the object store. @param place an `s3://` address */
  async exportStore(place: string): Promise<ObjectStore> {
    return openStore(place, this.config)
  }

  /**
   * Signs addresses of copies in the bucket; null: the setting is off. Asks no server.
   * @throws AppError CONFIG_INVALID for copies in a folder, or without credentials
   */
  signedCopies(): Promise<SignedCopies | null> {
    return this.#lifecycle.once('signed copies', async () => {
      if (!this.config.S3_SIGNED_COPIES) return null
      const store = await openStore(this.storeLocation, this.config)
      this.#lifecycle.onClose(() => store.close())
      return signedCopiesOf(store)
    })
  }

  /** Reads photos from buckets, with the settings of the store. */
  objects(): Promise<ObjectReader> {
    return this.#lifecycle.once('objects', async () => {
      const objects = await openObjects(this.config)
      this.#lifecycle.onClose(() => objects.close())
      return objects
    })
  }

  /**
   * Copies all objects to another store.
   * @param place a folder, or an `s3://` address
   * @throws AppError USAGE for the same place, a part of it or one that contains it, STORE_UNREACHABLE, STORE_DIFFERS
   */
  async copyStore(place: string, options: CopyObjectsOptions): Promise<CopiedObjects & { from: string; to: string }> {
    const [source, target] = [await openStore(this.storeLocation, this.config), await openStore(place, this.config)]
    this.#lifecycle.onClose(() => source.close())
    this.#lifecycle.onClose(() => target.close())
    const { assertDistinctNames, assertDistinctObjects } = await import('../storage/distinct-places.js')
    await assertDistinctNames(source, target)
    await target.check()
    await assertDistinctObjects(source, target, options.signal)
    const { copyObjects } = await import('../storage/copy-objects.js')
    return { from: source.location, to: target.location, ...(await copyObjects(source, target, options)) }
  }

  /** Fetcher for images that a command names. */
  fetcher(): Promise<GuardedFetcher> {
    return this.#lifecycle.once('fetcher', () => this.#openFetcher())
  }

  /**
   * The stages that one photo goes through by itself. Fetches at the rate that all workers share.
   * @throws AppError WORKER_FAILED when no thread that decodes can start
   */
  async imagePipeline(store: ObjectStore): ReturnType<typeof openImagePipeline> {
    const fetcher = await this.#openFetcher(await this.#rateLimiter())
    const { JpegThreads } = await import('../images/jpeg-threads.js')
    const threads = new JpegThreads()
    this.#lifecycle.onClose(() => threads.close())
    const logger = await this.logger()
    const [pipeline] = await Promise.all([
      openImagePipeline(this.config, {
        ...{ fetcher, threads, store, logger, environment: this.#environment },
        objects: () => this.objects(),
      }),
      this.config.JPEG_DECODER === 'libvips' || threads.start(),
    ])
    return pipeline
  }

  logger(): Promise<Logger> {
    return this.#lifecycle.once('logger', () =>
      this.#onWarning
        ? openNotes(this.config.LOG_LEVEL, this.#onWarning)
        : openLogger(this.config.LOG_LEVEL, this.config.LOG_FORMAT),
    )
  }

  /** @throws AggregateError when parts could not be closed; the others are closed all the same */
  close(): Promise<void> {
    return this.#lifecycle.close()
  }

  async #openFetcher(rateLimiter?: RateLimiter): Promise<GuardedFetcher> {
    const { GuardedFetcher } = await import('../net/fetch.js')
    const { config } = this
    const fetcher = new GuardedFetcher({
      timeoutMs: config.DOWNLOAD_TIMEOUT_MS,
      maxBytes: config.MAX_IMAGE_BYTES,
      maxRedirects: config.MAX_REDIRECTS,
      concurrency: config.DOWNLOAD_CONCURRENCY,
      hostConcurrency: config.HOST_CONCURRENCY,
      allowHosts: config.ALLOW_HOSTS,
      userAgent: `unsplash-clip/${VERSION} (+https://github.com/unsplash-clip/unsplash-clip)`,
      rateLimiter,
    })
    this.#lifecycle.onClose(() => fetcher.close())
    return fetcher
  }

  async #rateLimiter(): Promise<RateLimiter | undefined> {
    const limiter = await openRateLimiter(this.config, {
      database: () => this.database.migrated(),
      logger: () => this.logger(),
    })
    if (limiter) this.#lifecycle.onClose(() => limiter.close())
    return limiter
  }
}
