import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Database, openDatabase } from '../../src/db/connection.js'
import { PostgresIngestRepository } from '../../src/db/ingest/ingest-repository.js'
import { PostgresRunRepository } from '../../src/db/ingest/run-repository.js'
import { barePhoto } from '../../src/domain/photo.js'
import type { BullmqQueue } from '../../src/queue/bullmq-queue.js'
import { openQueue, startTypeScript } from '../queue/backends.js'
import { aBatch, photoRefs } from '../queue/batches.js'
import { hasNativeServer, nativeServer, type TestServer } from '../support/servers/postgres.js'
import { hasRedis, startRedis, type TestRedis } from '../support/servers/redis.js'
import { until } from '../support/until.js'
import { MODEL } from './fakes.js'
import type { WorkerProcessOptions } from './worker-process.js'

const RUN = 'run-1'
const LOCK_MS = 1500
const POISON = 'b-5-poison'

describe.skipIf(![hasRedis(), hasNativeServer()].every(Boolean))('a photo that ends every process', () => {
  let redis: TestRedis
  let postgres: TestServer
  let database: Database
  let queue: BullmqQueue
  let crew: Crew

  beforeAll(async () => {
    redis = await startRedis()
    postgres = await nativeServer()
    const databaseUrl = await postgres.migratedUrl()
    database = await openDatabase({ url: databaseUrl })
    const address = { kind: 'redis', url: redis.url } as const
    queue = await openQueue(address, { name: 'poison' })
    crew = new Crew({ address, databaseUrl, queueName: 'poison', lockMs: LOCK_MS, downloadMs: 5 })
  })
  afterAll(async () => {
    await crew.stop()
    await queue.close()
    await database.close()
    await postgres.close()
    await redis.stop()
  })

  test('is found, in halves, and recorded; every other one is embedded', async () => {
    const repository = new PostgresIngestRepository(database)
    const names = ['a', 'b', 'c', 'd', 'e', 'f']
    const batches = names.map(name => {
      const photos = photoRefs(16, name).map(photo =>
        `${photo.id}-poison` === POISON ? { ...photo, id: POISON } : photo,
      )
      return aBatch({ photos, runId: RUN })
    })
    const photos = batches.flatMap(batch => batch.photos.map(photo => photo.id))
    const modelId = await repository.registerModel(MODEL)
    await repository.upsertPhotos(photos.map(id => barePhoto(id, `https://images.test/${id}`)))
    await repository.createRun({ id: RUN, modelId, source: 'test', options: {} })
    await repository.addBatches(
      batches.map(({ id, runId, photos }) => ({ id, runId, photoIds: photos.map(p => p.id) })),
    )
    await repository.finishEnqueue(RUN)
    await queue.add(batches)

    await crew.start(2)
    await until('the run is done', async () => (await repository.run(RUN))?.state === 'done', 150_000)
    await until('the queue is empty', async () => {
      const { waiting, active, delayed } = await queue.counts()
      return waiting + active + delayed === 0
    })

    const states = await repository.photoStates(modelId, photos)
    expect([...states.failed]).toEqual([POISON])
    expect(states.embedded.size).toBe(photos.length - 1)
    expect(await new PostgresRunRepository(database).failuresOfRun(RUN)).toMatchObject([
      { code: 'CRASHED_WORKER', photos: 1, photoId: POISON, message: expect.stringContaining('3 times') },
    ])
    expect((await queue.counts()).failed).toBe(0)
    // Of 16 photos: once among others, once alone, in parts of 8, 4 and 2, and three times by itself. On a machine so busy
    // that a worker falls silent for a while, other things happen as well.
    expect(crew.crashes).toBeGreaterThanOrEqual(3)
    expect(crew.crashes).toBeLessThanOrEqual(12)
  }, 360_000)
})

/** Worker processes, each started again when it dies. */
class Crew {
  crashes = 0
  #stopped = false
  readonly #workers = new Set<ChildProcess>()
  readonly #launching = new Set<Promise<void>>()

  constructor(private readonly options: WorkerProcessOptions) {}

  async start(count: number): Promise<void> {
    for (let i = 0; i < count; i++) this.#launch()
    await Promise.all(this.#launching)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#launching)
    const ended = [...this.#workers].map(worker => once(worker, 'exit'))
    for (const worker of this.#workers) worker.kill('SIGKILL')
    await Promise.all(ended)
  }

  #launch(): void {
    const launching = startTypeScript('../workers/worker-process.ts', 'workForever', this.options).then(({ child }) => {
      this.#workers.add(child)
      child.once('exit', (_, signal) => {
        this.#workers.delete(child)
        if (this.#stopped) return
        if (signal === 'SIGSEGV') this.crashes++
        this.#launch()
      })
    })
    this.#launching.add(launching)
    void launching.finally(() => this.#launching.delete(launching))
  }
}
