import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Database, openDatabase } from '../../src/db/connection.js'
import { PostgresIngestRepository } from '../../src/db/ingest/ingest-repository.js'
import { migrate } from '../../src/db/migrate.js'
import { barePhoto, type PhotoRef } from '../../src/domain/photo.js'
import type { BullmqQueue } from '../../src/queue/bullmq-queue.js'
import { openQueue, type QueueServer, SERVER_KINDS, startTypeScript } from '../queue/backends.js'
import { aBatch } from '../queue/batches.js'
import { until } from '../support/until.js'
import { MODEL } from './fakes.js'
import type { WorkerProcessOptions } from './worker-process.js'

const BATCHES = 30
const RUN = 'run-1'
const LOCK_MS = 2000

let server: QueueServer
let database: Database
let repository: PostgresIngestRepository
let queue: BullmqQueue
let options: WorkerProcessOptions
const workers: ChildProcess[] = []

beforeAll(async () => {
  server = await SERVER_KINDS.find(kind => kind.name === 'embedded Postgres')!.start()
  if (server.address.kind !== 'postgres') throw new Error('the embedded server has another address')
  const databaseUrl = server.address.url
  database = await openDatabase({ url: databaseUrl, reconnectMs: 60_000 })
  await migrate(database)
  repository = new PostgresIngestRepository(database)
  options = { address: server.address, databaseUrl, queueName: 'survival', lockMs: LOCK_MS }
  queue = await openQueue(server.address, { name: options.queueName })
})
afterAll(async () => {
  await Promise.all(workers.map(kill))
  await queue.close()
  await database.close()
  await server.stop()
})

test('settles every photo, though a worker and the database server are killed in the middle', async () => {
  const batches = Array.from({ length: BATCHES }, (_, i) => aBatch({ photos: photosOf(i), store: true, runId: RUN }))
  const photos = batches.flatMap(batch => batch.photos.map(photo => photo.id))
  const modelId = await repository.registerModel(MODEL)
  await repository.upsertPhotos(photos.map(id => barePhoto(id, `https://images.test/${id}`)))
  await repository.createRun({ id: RUN, modelId, source: 'test', options: {} })
  await repository.addBatches(
    batches.map(({ id, runId, photos }) => ({ id, runId, photoIds: photos.map(photo => photo.id) })),
  )
  await repository.finishEnqueue(RUN)
  await queue.add(batches)

  const [victim] = [await startWorkerProcess(), await startWorkerProcess()]
  const embedded = async () => (await repository.totals(modelId)).embedded
  await until('40 photos are embedded', async () => (await embedded()) >= 40)
  await kill(victim)
  await until('80 photos are embedded', async () => (await embedded()) >= 80)
  expect(await embedded()).toBeLessThan(photos.length - BATCHES)
  await server.kill!()
  await server.restart!()
  await until(
    'the queue is empty',
    async () => {
      const { waiting, active, delayed } = await queue.counts()
      return waiting + active + delayed === 0
    },
    60_000,
  )

  const states = await repository.photoStates(modelId, photos)
  const gone = photos.filter(id => id.endsWith('-gone'))
  expect([...states.failed].toSorted()).toEqual(gone.toSorted())
  expect([...states.embedded].toSorted()).toEqual(photos.filter(id => !gone.includes(id)).toSorted())
  expect(await repository.run(RUN)).toMatchObject({
    photos: photos.length,
    done: photos.length - gone.length,
    failed: gone.length,
  })
  expect(await queue.counts()).toEqual({ waiting: 0, active: 0, delayed: 0, failed: 0 })
}, 360_000)

/** Eight photos, of which one is gone and two fail at first. */
function photosOf(batch: number): PhotoRef[] {
  const kinds = ['a', 'b', 'gone', 'c', 'x-flaky', 'd', 'y-flaky', 'e']
  return kinds.map(kind => ({ id: `${batch}-${kind}`, url: `https://images.test/${batch}-${kind}` }))
}

/** @returns once it has reached the servers: one that cannot at the start ends, as it should */
async function startWorkerProcess(): Promise<ChildProcess> {
  const { child, line } = await startTypeScript('../workers/worker-process.ts', 'workForever', options)
  workers.push(child)
  let written = line
  child.stdout!.on('data', data => {
    written += data
  })
  await until('the worker has started', () => written.includes('started'))
  return child
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}
