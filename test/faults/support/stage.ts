import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hasOwnServer, type OwnPostgres, startPostgres } from '../../support/servers/postgres.js'
import { hasRedis, startRedis, type TestRedis } from '../../support/servers/redis.js'
import type { EndState } from './end-state.js'
import { type ImageServer, POISON, photoId, startImageServer } from './image-server.js'
import { copyPackage } from './package-copy.js'
import { type Overrides, Pipeline, type PipelineOptions, type Surroundings } from './pipeline.js'
import { type StoreServer, startStoreServer } from './store-server.js'
import { sharedEndState } from './undisturbed.js'

export const hasServers = (): boolean => [hasRedis(), hasOwnServer()].every(Boolean)

/**
 * Real servers that can be disturbed, images to fetch, and a copy of the built package. Pipelines on it share the servers
 * and nothing else.
 */
export class Stage implements Surroundings {
  readonly #pipelines: Pipeline[] = []
  readonly #undisturbed = new Map<string, Promise<EndState>>()

  private constructor(
    readonly folder: string,
    readonly packageFolder: string,
    readonly postgres: OwnPostgres,
    readonly redis: TestRedis,
    readonly store: StoreServer,
    readonly images: ImageServer,
  ) {}

  static async open(): Promise<Stage> {
    const folder = await mkdtemp(join(tmpdir(), 'uc-faults-'))
    const packageFolder = join(folder, 'package')
    await copyPackage(packageFolder)
    const [postgres, redis, store, images] = await Promise.all([
      startPostgres(),
      startRedis(),
      startStoreServer(),
      startImageServer(),
    ])
    Object.assign(process.env, store.s3.env)
    return new Stage(folder, packageFolder, postgres, redis, store, images)
  }

  /** A pipeline with an empty database, queue and store. */
  async pipeline(options: PipelineOptions): Promise<Pipeline> {
    const pipeline = await Pipeline.open(this, options)
    this.#pipelines.push(pipeline)
    return pipeline
  }

  /** A table of the photos of a pipeline; what is poisonous is spread among the others. @returns its path */
  async photoTable({ photos, poisonous = 0 }: PipelineOptions): Promise<string> {
    const path = join(this.folder, `photos-${photos}-${poisonous}.csv`)
    const all = Array.from({ length: photos }, (_, i) => i)
    for (let i = 0; i < poisonous; i++) all.splice(Math.floor(((i + 0.5) * photos) / poisonous), 0, POISON + i)
    const rows = all.map(photo => `${photoId(photo)},${this.images.url(photo)}`)
    await writeFile(path, ['photo_id,photo_image_url', ...rows, ''].join('\n'))
    return path
  }

  /** What a pipeline leaves behind that nothing disturbs. */
  undisturbed(photos: number, overrides: Overrides = {}): Promise<EndState> {
    const key = JSON.stringify([photos, overrides])
    const run = (photos: number) => this.#runUndisturbed(photos, overrides)
    const isShared = Object.keys(overrides).length === 0
    const state = this.#undisturbed.get(key) ?? (isShared ? sharedEndState(photos, run) : run(photos))
    this.#undisturbed.set(key, state)
    return state
  }

  /** Also when one of them does not close: no server may be left over. */
  async close(): Promise<void> {
    const closers = [
      ...this.#pipelines.map(pipeline => () => pipeline.close()),
      () => this.images.close(),
      () => this.store.close(),
      () => this.redis.stop(),
      () => this.postgres.stop(),
      () => rm(this.folder, { recursive: true }),
    ]
    const failures: unknown[] = []
    for (const close of closers) await close().catch(error => failures.push(error))
    if (failures.length > 0) throw new AggregateError(failures, 'The stage did not close')
  }

  async #runUndisturbed(photos: number, overrides: Overrides): Promise<EndState> {
    const pipeline = await this.pipeline({ photos })
    const crew = pipeline.crew(2, overrides)
    const { code, stderr } = await (await pipeline.ingest(overrides)).ended
    if (code !== 0) throw new Error(`The undisturbed run ended with ${code}: ${stderr}`)
    await pipeline.isIdle()
    await crew.stop()
    return pipeline.endState()
  }
}
