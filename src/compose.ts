import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Logger } from 'pino'
import { modelSourceOf } from './adapters/model-source.js'
import { openFetcher } from './adapters/open-fetcher.js'
import { openImagePipeline } from './adapters/open-image-pipeline.js'
import { openLogger } from './adapters/open-logger.js'
import { openQueue } from './adapters/open-queue.js'
import { openRateLimiter } from './adapters/open-rate-limiter.js'
import { openRepositories, type Repositories } from './adapters/open-repositories.js'
import { openStore } from './adapters/open-store.js'
import type { Config } from './config.js'
import { type Database, describe, openDatabase } from './db/connection.js'
import {
  type EmbeddedServer,
  type EmbeddedServerStatus,
  embeddedServerStatus,
  ensureEmbeddedServer,
  stopEmbeddedServer,
} from './db/embedded/embedded-server.js'
import { type KeepAlive, keepEmbeddedServerAlive } from './db/embedded/keep-alive.js'
import { type MigrationState, migrate, migrationStatus } from './db/migrate.js'
import { PostgresPromptRequests } from './db/prompt-requests.js'
import { PostgresRunRepository } from './db/run-repository.js'
import type { ModelIdentity } from './domain/model.js'
import type { Encoder } from './domain/ports/encoder.js'
import type { ObjectStore } from './domain/ports/object-store.js'
import type { PromptRequests } from './domain/ports/prompts.js'
import type { Queue } from './domain/ports/queue.js'
import type { RateLimiter } from './domain/ports/rate-limiter.js'
import type { RunRepository } from './domain/ports/run-repository.js'
import { ensureModelFiles, type FilesProgress, modelFolder } from './models/files.js'
import { identify } from './models/identity.js'
import { type ListedModel, listModels } from './models/list-models.js'
import { knownModels } from './models/model-folders.js'
import { defaultImagesPerRun, type ExecutionProvider } from './models/providers.js'
import { type ModelSpec, resolveModel } from './models/registry.js'
import type { SelfTestStep } from './models/self-test.js'
import { TextCache } from './models/text-cache.js'
import { type VerifiedFile, verifyModel } from './models/verify.js'
import type { GuardedFetcher } from './net/fetch.js'
import { packageRoot } from './package-root.js'
import type { ImagePipeline } from './workers/prepare.js'

/** How long a command waits for a database that went away, before it gives up. */
const RECONNECT_MS = 60_000

export function compose(config: Config): App {
  return new App(config)
}

/**
 * The parts of the system as the settings want them. Each part is loaded and opened when it is first asked for, once, so
 * that a search does not wait for code that it does not run; `close` closes what was opened, in reverse order.
 */
export class App {
  readonly #opened = new Map<string, Promise<unknown>>()
  readonly #closers: (() => unknown)[] = []
  readonly #texts = new TextCache()
  #keeper: KeepAlive | undefined
  #models: readonly ModelSpec[] | undefined
  #searchModel: string | undefined

  constructor(readonly config: Config) {}

  get embedded(): boolean {
    return this.config.DATABASE_URL === undefined
  }

  get databaseDir(): string {
    return join(this.config.UNSPLASH_CLIP_HOME, 'database')
  }

  /** For people, without credentials. */
  get databaseLocation(): string {
    return this.config.DATABASE_URL === undefined
      ? `embedded in ${this.databaseDir}`
      : describe(this.config.DATABASE_URL)
  }

  get storeLocation(): string {
    return this.config.OBJECT_STORE ?? join(this.config.UNSPLASH_CLIP_HOME, 'objects')
  }

  get modelsDir(): string {
    return this.config.MODELS_DIR ?? join(this.config.UNSPLASH_CLIP_HOME, 'models')
  }

  /** Where label sets are looked up, the first folder that has one wins. */
  get labelFolders(): string[] {
    const own = this.config.LABELS_DIR
    return [...(own ? [resolve(own)] : []), join(packageRoot(), 'labels')]
  }

  /** Connection string of the database; starts the embedded server when that is the one. */
  async databaseUrl(): Promise<string> {
    return this.config.DATABASE_URL ?? (await this.startEmbedded()).url
  }

  startEmbedded(): Promise<EmbeddedServer> {
    return ensureEmbeddedServer({ dataDir: this.databaseDir, idleMs: this.config.EMBEDDED_IDLE_MS })
  }

  stopEmbedded(): Promise<boolean> {
    this.#keeper?.close()
    return stopEmbeddedServer(this.databaseDir)
  }

  /** Null when the database is not the embedded one, or does not run. */
  embeddedStatus(): Promise<EmbeddedServerStatus | null> {
    return this.embedded ? embeddedServerStatus(this.databaseDir) : Promise.resolve(null)
  }

  /** For commands that live long: the embedded server is started again whenever it dies. */
  async keepDatabaseAlive(): Promise<void> {
    if (!this.embedded || this.#keeper) return
    const logger = await this.logger()
    this.#keeper = keepEmbeddedServerAlive({
      dataDir: this.databaseDir,
      idleMs: this.config.EMBEDDED_IDLE_MS,
      onRestart: pid => logger.warn({ pid }, 'the embedded database had died and was started again'),
      onError: error => logger.error({ err: error }, 'the embedded database does not start; trying again'),
    })
    this.#closers.push(() => this.#keeper?.close())
  }

  /** The database, its schema up to date. */
  repositories(): Promise<Repositories> {
    return this.#once('repositories', async () => {
      const database = await this.#database()
      await migrate(database)
      return openRepositories(database, { embedded: this.embedded, url: () => this.databaseUrl() })
    })
  }

  /** For what a worker tells of itself: on one connection of its own, given up at once when it is lost. */
  reports(): Promise<RunRepository> {
    return this.#once('reports', async () => {
      await this.repositories() // its table is part of the schema
      const database = await openDatabase({
        url: await this.databaseUrl(),
        maxConnections: 1,
        statementTimeoutMs: this.#statementTimeoutMs,
      })
      this.#closers.push(() => database.close())
      return new PostgresRunRepository(database)
    })
  }

  /** For a worker: what it is asked to embed, on a connection that listens and another one, so that no batch waits for it. */
  promptRequests(): Promise<PromptRequests> {
    return this.#once('prompt requests', async () => {
      await this.repositories() // its tables are part of the schema
      const database = await openDatabase({
        url: await this.databaseUrl(),
        maxConnections: 2,
        statementTimeoutMs: this.#statementTimeoutMs,
      })
      this.#closers.push(() => database.close())
      return new PostgresPromptRequests(database)
    })
  }

  /** Resolves when the database has answered. */
  async pingDatabase(): Promise<void> {
    await (await this.#database()).query('select 1')
  }

  /** Also the queue's own tables where it lives in Postgres, so that users with fewer rights find them. */
  async migrate(): Promise<{ applied: string[] }> {
    const result = await migrate(await this.#database())
    if (this.config.REDIS_URL === undefined) await this.queue()
    return result
  }

  async migrationStatus(): Promise<MigrationState[]> {
    return migrationStatus(await this.#database())
  }

  queue(): Promise<Queue> {
    return this.#once('queue', async () => {
      const queue = await openQueue(this.config, this)
      this.#closers.push(() => queue.close())
      return queue
    })
  }

  /** The object store, found to be writable. */
  store(): Promise<ObjectStore> {
    return this.#once('store', async () => {
      const store = await openStore(this.storeLocation, this.config)
      this.#closers.push(() => store.close())
      await store.check()
      return store
    })
  }

  /** Every model, with those of MODEL_FOLDERS. @throws AppError CONFIG_INVALID, MODEL_INVALID for a wrong folder */
  get models(): readonly ModelSpec[] {
    this.#models ??= knownModels(this.config.MODEL_FOLDERS)
    return this.#models
  }

  /** The model to work with: that of the settings, unless another one was chosen for searches. */
  get model(): string {
    return this.#searchModel ?? this.config.MODEL
  }

  /** From now on `model` is this one. @throws AppError MODEL_UNKNOWN */
  searchWith(key: string): void {
    resolveModel(key, this.models)
    if (key === this.model) return
    this.#searchModel = key
    for (const part of ['identity', 'encoder']) this.#opened.delete(part)
  }

  /** @throws AppError MODEL_UNKNOWN */
  get modelSpec(): ModelSpec {
    return resolveModel(this.model, this.models)
  }

  /** Who makes the vectors; needs no downloaded file. */
  modelIdentity(): Promise<ModelIdentity> {
    return this.#once('identity', () => identify(this.modelSpec, modelFolder(this.modelSpec, this.modelsDir)))
  }

  /** The same for any model, read anew: its files may have been replaced. @throws AppError MODEL_UNKNOWN, MODEL_NOT_FOUND */
  async identify(key: string): Promise<ModelIdentity> {
    const spec = resolveModel(key, this.models)
    return identify(spec, modelFolder(spec, this.modelsDir))
  }

  /** Makes sure that a model's files are here, fetching them if need be. @returns their folder */
  async ensureModel(
    signal: AbortSignal,
    onProgress?: (progress: FilesProgress) => void,
    spec = this.modelSpec,
  ): Promise<string> {
    const source = await modelSourceOf(this.config)
    return ensureModelFiles(spec, { cacheDir: this.modelsDir, source, signal, onProgress })
  }

  /**
   * Where the encoder computes: the first provider of the settings that works here. The log says which do not.
   * @throws AppError CONFIG_INVALID when none does
   */
  executionProvider(): Promise<ExecutionProvider> {
    return this.#once('execution provider', async () => {
      const { chooseProvider } = await import('./models/choose-provider.js')
      const { provider, refused } = await chooseProvider(this.config.EXECUTION_PROVIDER)
      for (const { provider: wanted, reason } of refused)
        (await this.logger()).warn(
          { reason },
          `EXECUTION_PROVIDER: ${wanted} cannot be used here, ${provider} takes its place`,
        )
      return provider
    })
  }

  /** The encoder, its files fetched if need be; a tower that is not loaded now loads on first use. */
  encoder(
    towers: 'image' | 'text' | 'both',
    signal: AbortSignal,
    onProgress?: (progress: FilesProgress) => void,
  ): Promise<Encoder> {
    return this.#once('encoder', async () => {
      const encoder = await this.openEncoder(this.model, towers, signal, onProgress)
      this.#closers.push(() => encoder.close())
      return encoder
    })
  }

  /**
   * An encoder of any model; whoever asked for it closes it.
   * @param where `thread`: one of its own, for who has other things to do while the model runs
   * @throws AppError MODEL_UNKNOWN, and see `ensureModelFiles`
   */
  async openEncoder(
    key: string,
    towers: 'image' | 'text' | 'both',
    signal: AbortSignal,
    onProgress?: (progress: FilesProgress) => void,
    where: 'here' | 'thread' = 'here',
  ): Promise<Encoder> {
    const spec = resolveModel(key, this.models)
    const folder = await this.ensureModel(signal, onProgress, spec)
    const { THREADS: threads, ENCODE_BATCH_SIZE } = this.config
    const provider = await this.executionProvider()
    const imagesPerRun = ENCODE_BATCH_SIZE ?? defaultImagesPerRun(provider)
    if (provider !== 'cpu' && spec.precision === 'int8')
      (await this.logger()).warn(
        { provider, model: key },
        'int8 models are made for CPUs, where most of this one will be computed; @fp16 or @fp32 make use of the provider',
      )
    const options = { threads, imagesPerRun, provider, towers }
    const encoder =
      where === 'thread'
        ? await (await import('./models/encoder-thread.js')).openEncoderThread(spec, folder, options)
        : await (await import('./models/onnx-encoder.js')).openOnnxEncoder(spec, folder, options)
    return this.#texts.before(encoder)
  }

  listModels(): Promise<ListedModel[]> {
    return listModels(this.models, this.modelsDir)
  }

  verifyModel(signal: AbortSignal): Promise<VerifiedFile[]> {
    return verifyModel(this.modelSpec, modelFolder(this.modelSpec, this.modelsDir), signal)
  }

  /** Both towers on texts and pictures with known answers; the files must be here. See `selfTest`. */
  async *selfTest(signal: AbortSignal): AsyncGenerator<SelfTestStep> {
    const { selfTest } = await import('./models/self-test.js')
    const spec = this.modelSpec
    const encoder = await this.encoder('both', signal)
    const maxPixels = this.config.MAX_IMAGE_PIXELS
    yield* selfTest({
      spec,
      folder: modelFolder(spec, this.modelsDir),
      encoder,
      preprocess: async image => {
        const { preprocess } = await import('./workers/preprocess.js')
        return preprocess(image, { input: encoder.input, maxPixels })
      },
    })
  }

  /** @param rateLimiter for the images of a run, which all workers fetch together */
  async fetcher(rateLimiter?: RateLimiter): Promise<GuardedFetcher> {
    const fetcher = await openFetcher(this.config, rateLimiter)
    this.#closers.push(() => fetcher.close())
    return fetcher
  }

  /** The stages one photo goes through by itself. */
  async imagePipeline(store: ObjectStore): Promise<ImagePipeline> {
    const fetcher = await this.fetcher(await this.#rateLimiter())
    const { JpegThreads } = await import('./workers/jpeg-threads.js')
    const threads = new JpegThreads()
    this.#closers.push(() => threads.close())
    return openImagePipeline(this.config, { fetcher, threads, store, logger: await this.logger() })
  }

  logger(): Promise<Logger> {
    return this.#once('logger', () => openLogger(this.config.LOG_LEVEL))
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close()
  }

  async #rateLimiter(): Promise<RateLimiter | undefined> {
    const limiter = await openRateLimiter(this.config, {
      database: async () => {
        await this.repositories() // its table is part of the schema
        return this.#database()
      },
      logger: () => this.logger(),
    })
    if (limiter) this.#closers.push(() => limiter.close())
    return limiter
  }

  /** 0: none, as for the embedded server, where clients share one session. */
  get #statementTimeoutMs(): number {
    return this.embedded ? 0 : this.config.DATABASE_STATEMENT_TIMEOUT_MS
  }

  #database(): Promise<Database> {
    return this.#once('database', async () => {
      if (this.embedded) mkdirSync(this.config.UNSPLASH_CLIP_HOME, { recursive: true, mode: 0o700 })
      const database = await openDatabase({
        url: await this.databaseUrl(),
        maxConnections: this.config.DATABASE_POOL_SIZE,
        statementTimeoutMs: this.#statementTimeoutMs,
        reconnectMs: RECONNECT_MS,
        failFast: !this.embedded,
      })
      this.#closers.push(() => database.close())
      return database
    })
  }

  #once<T>(name: string, open: () => Promise<T>): Promise<T> {
    const before = this.#opened.get(name) as Promise<T> | undefined
    const opened = before ?? open()
    this.#opened.set(name, opened)
    // What could not be opened may be there when it is asked for again.
    opened.catch(() => this.#opened.delete(name))
    return opened
  }
}
