import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Client, Pool } from 'pg'
import type { ObjectStore } from '../../../src/domain/ports/object-store.js'
import type { Queue } from '../../../src/domain/ports/queue.js'
import { openPostgresQueue } from '../../../src/queue/postgres-backend.js'
import { openRedisQueue } from '../../../src/queue/redis-backend.js'
import { FolderStore } from '../../../src/storage/folder-store.js'
import { type OwnPostgres, TEMPLATE } from '../../support/postgres/own-postgres.js'
import type { TestRedis } from '../../support/servers/redis.js'
import { until } from '../../support/until.js'
import { type Command, startCommand } from './command.js'
import { Crew } from './crew.js'
import { type EndState, readObjects, readPostgresJobs, readRedisJobs, readRows } from './end-state.js'
import type { ImageServer } from './image-server.js'
import type { StoreServer } from './store-server.js'

const MINUTE = 60_000
const LOCK_MS = 3000

export interface PipelineOptions {
  /** The first so many photos of the image server. */
  photos: number
  /** Further ones, from {@link POISON} on, that crash whoever encodes them. */
  poisonous?: number
  queue?: 'redis' | 'postgres'
  /** A folder of its own, the S3 server, or a given folder. */
  store?: 'folder' | 's3' | { folder: string }
  settings?: Record<string, string>
  /** Without the schema, which is there otherwise. */
  isUnmigrated?: boolean
}

/** What a command of a pipeline has of its own. */
export interface Overrides {
  /** Another installation, with a model of its own. */
  packageFolder?: string
  settings?: Record<string, string>
  /** A command that runs the program. */
  wrapper?: readonly string[]
}

/** What pipelines share: real servers, images to fetch, and an installed package. */
export interface Surroundings {
  readonly folder: string
  readonly packageFolder: string
  readonly postgres: OwnPostgres
  readonly redis: TestRedis
  readonly store: StoreServer
  readonly images: ImageServer
  photoTable(options: PipelineOptions): Promise<string>
  undisturbed(photos: number): Promise<EndState>
}

/** A database, a queue, an object store and the settings that lead to them. */
export class Pipeline {
  /** Workers and producers start with these. */
  readonly settings: Record<string, string>
  readonly #commands: Command[] = []
  readonly #crews: Crew[] = []
  readonly #watch: Pool

  private constructor(
    readonly stage: Surroundings,
    readonly options: PipelineOptions,
    readonly name: string,
    readonly databaseUrl: string,
  ) {
    const { queue = 'redis', store = 'folder' } = options
    this.settings = {
      UNSPLASH_CLIP_HOME: this.folder,
      DATABASE_URL: databaseUrl,
      ...(queue === 'redis' ? { REDIS_URL: stage.redis.url } : {}),
      QUEUE_NAME: name,
      QUEUE_LOCK_MS: String(LOCK_MS),
      OBJECT_STORE: store === 's3' ? `s3://${stage.store.s3.bucket}/${name}` : this.#copies,
      S3_ENDPOINT: stage.store.front.origin,
      S3_FORCE_PATH_STYLE: 'true',
      ...stage.store.s3.env,
      MODEL: 'demo',
      ALLOW_HOSTS: stage.images.server.host,
      // Shared by the workers, as in earnest, and more than they ask for.
      HOST_RATE: '1000',
      PHOTOS_PER_JOB: '16',
      THREADS: '1',
      // Retries are as in earnest, only sooner.
      RETRY_BASE_MS: '200',
      DOWNLOAD_TIMEOUT_MS: '3000',
      LOG_LEVEL: 'info',
      ...options.settings,
    }
    this.#watch = new Pool({ connectionString: databaseUrl, max: 1, connectionTimeoutMillis: 2000 })
    this.#watch.on('error', () => {})
  }

  static async open(stage: Surroundings, options: PipelineOptions): Promise<Pipeline> {
    const name = `faults_${randomBytes(6).toString('hex')}`
    const client = new Client({ connectionString: stage.postgres.url })
    await client.connect()
    await client.query(`create database ${name} ${options.isUnmigrated ? '' : `template ${TEMPLATE}`}`)
    await client.end()
    const url = new URL(stage.postgres.url)
    url.pathname = `/${name}`
    const pipeline = new Pipeline(stage, options, name, url.href)
    await mkdir(pipeline.folder, { recursive: true })
    return pipeline
  }

  get folder(): string {
    return join(this.stage.folder, this.name)
  }

  get photos(): number {
    return this.options.photos
  }

  get poisonous(): number {
    return this.options.poisonous ?? 0
  }

  start(args: string[], { packageFolder = this.stage.packageFolder, settings = {}, wrapper }: Overrides = {}): Command {
    const all = { ...this.settings, ...settings }
    const command = startCommand(args, { packageFolder, folder: this.folder, settings: all, wrapper })
    this.#commands.push(command)
    return command
  }

  /** The `ingest` command on the photos of this pipeline; it ends when they are settled. */
  async ingest(overrides: Overrides = {}): Promise<Command> {
    return this.start(['ingest', await this.stage.photoTable(this.options), '--json', '--wait'], overrides)
  }

  crew(workers: number, overrides: Overrides = {}): Crew {
    const crew = new Crew(workers, () => this.start(['worker', '--json'], overrides)).start()
    this.#crews.push(crew)
    return crew
  }

  /** Photos that are embedded or failed for good; null while the database does not answer. */
  async settled(): Promise<number | null> {
    try {
      const { rows } = await this.#watch.query<{ settled: number }>(
        'select ((select count(*) from embeddings) + (select count(*) from failures))::int as settled',
      )
      return rows[0]!.settled
    } catch {
      return null
    }
  }

  /** Waits until so many photos are settled. */
  async reached(photos: number): Promise<void> {
    await until(`${photos} photos are settled`, async () => ((await this.settled()) ?? 0) >= photos, 2 * MINUTE)
  }

  /** @returns seconds from now until another photo is settled, or all are */
  async recovered(): Promise<number> {
    const startedAt = performance.now()
    const before = await until('the database answers', async () => ({ settled: await this.settled() }))
    const goal = Math.min((before.settled ?? 0) + 1, this.photos + this.poisonous)
    await until('another photo is settled', async () => ((await this.settled()) ?? 0) >= goal)
    return (performance.now() - startedAt) / 1000
  }

  /** Waits until every photo is settled and the queue has run empty. */
  async isIdle(): Promise<void> {
    await this.reached(this.photos + this.poisonous)
    const queue = await this.openQueue()
    try {
      await until('the queue is empty', async () => {
        const { waiting, active, delayed } = await queue.counts()
        return waiting + active + delayed === 0
      })
    } finally {
      await queue.close()
    }
  }

  openQueue(): Promise<Pick<Queue, 'counts' | 'close'>> {
    return this.#onRedis
      ? openRedisQueue({ url: this.stage.redis.url, name: this.name })
      : openPostgresQueue({ url: this.databaseUrl, embedded: false, name: this.name })
  }

  async endState(): Promise<EndState> {
    const store = this.#openStore()
    try {
      return { ...(await readRows(this.databaseUrl)), objects: await readObjects(store), ...(await this.leftInQueue()) }
    } finally {
      await store.close()
    }
  }

  async leftInQueue(): Promise<Pick<EndState, 'jobs'>> {
    const jobs = this.#onRedis
      ? await readRedisJobs(this.stage.redis.url, this.name)
      : await readPostgresJobs(this.databaseUrl, this.name)
    return { jobs }
  }

  async objectKeys(): Promise<string[]> {
    const store = this.#openStore()
    const keys: string[] = []
    for await (const key of store.list()) keys.push(key)
    await store.close()
    return keys
  }

  /** Ends what is still running. */
  async close(): Promise<void> {
    await Promise.all(this.#crews.map(crew => crew.kill()))
    await Promise.all(this.#commands.filter(command => command.isRunning()).map(command => command.kill()))
    await this.#watch.end()
  }

  get #onRedis(): boolean {
    return this.options.queue !== 'postgres'
  }

  get #copies(): string {
    const { store } = this.options
    return typeof store === 'object' ? store.folder : join(this.folder, 'objects')
  }

  #openStore(): ObjectStore {
    return this.options.store === 's3' ? this.stage.store.s3.store(this.name) : new FolderStore(this.#copies)
  }
}
