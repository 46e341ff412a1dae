import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Logger } from 'pino'
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
import { PostgresIngestRepository } from './db/ingest-repository.js'
import { PostgresLabelRepository } from './db/label-repository.js'
import { type MigrationState, migrate, migrationStatus } from './db/migrate.js'
import { PostgresSearchRepository } from './db/search-repository.js'
import type { ModelIdentity } from './domain/model.js'
import type { Encoder } from './domain/ports/encoder.js'
import type { ObjectStore } from './domain/ports/object-store.js'
import type { Queue } from './domain/ports/queue.js'
import type { IngestRepository, LabelRepository, SearchRepository } from './domain/ports/repository.js'
import { ensureModelFiles, type FilesProgress, modelFolder } from './models/files.js'
import { identify } from './models/identity.js'
import { type ListedModel, listModels } from './models/list-models.js'
import { type ModelSpec, resolveModel } from './models/registry.js'
import { type VerifiedFile, verifyModel } from './models/verify.js'
import type { GuardedFetcher } from './net/fetch.js'
import { packageRoot } from './package-root.js'
import { parseObjectStoreLocation } from './storage/location.js'
import { VERSION } from './version.js'
import type { ImagePipeline } from './workers/prepare.js'

export interface Repositories {
  ingest: IngestRepository
  labels: LabelRepository
  search: SearchRepository
}

/** How long a command waits for a database that went away, before it gives up. */
const RECONNECT_MS = 60_000

export function compose(config: Config): App {
  return new App(config)
}

/**
 * The parts of the system as the settings want them: the only place that picks adapters. Each part is loaded and opened
 * when it is first asked for, once, so that a search does not wait for code that it does not run; `close` closes what was
 * opened, in reverse order.
 */
export class App {
  readonly #opened = new Map<string, Promise<unknown>>()
  readonly #closers: (() => unknown)[] = []
  #keeper: KeepAlive | undefined

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
      return {
        ingest: new PostgresIngestRepository(database),
        labels: new PostgresLabelRepository(database),
        search: new PostgresSearchRepository(database),
      }
    })
  }

  async migrate(): Promise<{ applied: string[] }> {
    return migrate(await this.#database())
  }

  async migrationStatus(): Promise<MigrationState[]> {
    return migrationStatus(await this.#database())
  }

  queue(): Promise<Queue> {
    return this.#once('queue', async () => {
      const queue = await this.#openQueue()
      this.#closers.push(() => queue.close())
      return queue
    })
  }

  /** The object store, found to be writable. */
  store(): Promise<ObjectStore> {
    return this.#once('store', async () => {
      const store = await this.#openStore()
      this.#closers.push(() => store.close())
      await store.check()
      return store
    })
  }

  /** @throws AppError MODEL_UNKNOWN */
  get modelSpec(): ModelSpec {
    return resolveModel(this.config.MODEL)
  }

  /** Who makes the vectors; needs no downloaded file. */
  modelIdentity(): Promise<ModelIdentity> {
    return this.#once('identity', () => identify(this.modelSpec, modelFolder(this.modelSpec, this.modelsDir)))
  }

  /** Makes sure that the model's files are here, fetching them if need be. @returns their folder */
  async ensureModel(signal: AbortSignal, onProgress?: (progress: FilesProgress) => void): Promise<string> {
    const { modelSource } = await import('./models/sources.js')
    const { MODEL_SOURCE, HF_ENDPOINT, S3_ENDPOINT, S3_REGION, S3_FORCE_PATH_STYLE } = this.config
    const source = modelSource({
      modelSource: MODEL_SOURCE,
      hubEndpoint: HF_ENDPOINT,
      s3: { endpoint: S3_ENDPOINT, region: S3_REGION, forcePathStyle: S3_FORCE_PATH_STYLE },
    })
    return ensureModelFiles(this.modelSpec, { cacheDir: this.modelsDir, source, signal, onProgress })
  }

  /** The encoder, its files fetched if need be; a tower that is not loaded now loads on first use. */
  encoder(
    towers: 'image' | 'text' | 'both',
    signal: AbortSignal,
    onProgress?: (progress: FilesProgress) => void,
  ): Promise<Encoder> {
    return this.#once('encoder', async () => {
      const { openOnnxEncoder } = await import('./models/onnx-encoder.js')
      const folder = await this.ensureModel(signal, onProgress)
      const encoder = await openOnnxEncoder(this.modelSpec, folder, { threads: this.config.THREADS, towers })
      this.#closers.push(() => encoder.close())
      return encoder
    })
  }

  listModels(): Promise<ListedModel[]> {
    return listModels({ cacheDir: this.modelsDir })
  }

  verifyModel(signal: AbortSignal): Promise<VerifiedFile[]> {
    return verifyModel(this.modelSpec, modelFolder(this.modelSpec, this.modelsDir), signal)
  }

  async fetcher(): Promise<GuardedFetcher> {
    const { GuardedFetcher } = await import('./net/fetch.js')
    const { config } = this
    const fetcher = new GuardedFetcher({
      timeoutMs: config.DOWNLOAD_TIMEOUT_MS,
      maxBytes: config.MAX_IMAGE_BYTES,
      maxRedirects: config.MAX_REDIRECTS,
      concurrency: config.DOWNLOAD_CONCURRENCY,
      hostConcurrency: config.HOST_CONCURRENCY,
      allowHosts: config.ALLOW_HOSTS,
      userAgent: `unsplash-clip/${VERSION} (+https://github.com/unsplash-clip/unsplash-clip)`,
    })
    this.#closers.push(() => fetcher.close())
    return fetcher
  }

  /** The stages one photo goes through by itself. @param imageSize side of the square the model sees, in pixels */
  async imagePipeline(store: ObjectStore, imageSize: number): Promise<ImagePipeline> {
    const { default: sharp } = await import('sharp')
    const { download } = await import('./workers/download.js')
    const { preprocess } = await import('./workers/preprocess.js')
    const { storeCopy } = await import('./workers/store-copy.js')
    const { config } = this
    const fetcher = await this.fetcher()
    const maxPixels = config.MAX_IMAGE_PIXELS
    const copy = { height: config.COPY_HEIGHT, quality: config.COPY_QUALITY, maxPixels }
    // One thread a photo: photos are decoded side by side. A cache of images that are never seen again is only memory.
    sharp.concurrency(1)
    sharp.cache(false)
    return {
      download: (photo, signal) =>
        download(photo, { fetcher, allowFolders: config.ALLOW_FOLDERS, maxBytes: config.MAX_IMAGE_BYTES }, signal),
      storeCopy: (image, photoId) => storeCopy(image, photoId, store, copy),
      preprocess: image => preprocess(image, { size: imageSize, maxPixels }),
    }
  }

  logger(): Promise<Logger> {
    return this.#once('logger', async () => {
      const { pino } = await import('pino')
      return pino({ level: this.config.LOG_LEVEL, base: { pid: process.pid } }, pino.destination({ fd: 2, sync: true }))
    })
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close()
  }

  async #openQueue(): Promise<Queue> {
    const { REDIS_URL, QUEUE_NAME } = this.config
    if (REDIS_URL) {
      const { openRedisQueue } = await import('./queue/redis-backend.js')
      return openRedisQueue({ url: REDIS_URL, name: QUEUE_NAME })
    }
    const { openPostgresQueue } = await import('./queue/postgres-backend.js')
    return openPostgresQueue({ url: await this.databaseUrl(), embedded: this.embedded, name: QUEUE_NAME })
  }

  async #openStore(): Promise<ObjectStore> {
    const location = parseObjectStoreLocation(this.storeLocation)
    if (location.kind === 'folder') {
      const { FolderStore } = await import('./storage/folder-store.js')
      return new FolderStore(location.folder)
    }
    const { S3Store } = await import('./storage/s3-store.js')
    return new S3Store({
      bucket: location.bucket,
      prefix: location.prefix,
      region: this.config.S3_REGION,
      endpoint: this.config.S3_ENDPOINT,
      forcePathStyle: this.config.S3_FORCE_PATH_STYLE,
    })
  }

  #database(): Promise<Database> {
    return this.#once('database', async () => {
      if (this.embedded) mkdirSync(this.config.UNSPLASH_CLIP_HOME, { recursive: true, mode: 0o700 })
      const database = await openDatabase({
        url: await this.databaseUrl(),
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
    return opened
  }
}
