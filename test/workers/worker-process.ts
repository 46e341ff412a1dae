import { setTimeout as pause } from 'node:timers/promises'
import { pino } from 'pino'
import { openDatabase } from '../../src/db/connection.js'
import { PostgresIngestRepository } from '../../src/db/ingest/ingest-repository.js'
import { PostgresRunRepository } from '../../src/db/ingest/run-repository.js'
import { startWorker } from '../../src/workers/worker.js'
import { type Address, openQueue } from '../queue/backends.js'
import { NO_PLACES } from '../support/no-places.js'
import { FakeEncoder, FakeImages, FakeLabels, oneModel } from './fakes.js'

export interface WorkerProcessOptions {
  address: Address
  databaseUrl: string
  queueName: string
  lockMs: number
  /** Of a download. Default 100: a slow network, so that kills find work under way. */
  downloadMs?: number
}

const POISON: [number, number, number] = [66, 6, 60]

/** The process does not survive an image of one colour. */
class FragileEncoder extends FakeEncoder {
  override async encodeImages(images: readonly Uint8Array[]): Promise<Float32Array[]> {
    if (images.some(image => POISON.every((value, i) => image[i] === value))) process.kill(process.pid, 'SIGSEGV')
    return super.encodeImages(images)
  }
}

/**
 * What becomes of a photo, by its id: `…-gone` is a 404, `…-flaky` fails when a process asks for the first time, `…-poison`
 * ends the process.
 */
export async function workForever(options: WorkerProcessOptions): Promise<void> {
  const { databaseUrl, downloadMs = 100 } = options
  const database = await openDatabase({ url: databaseUrl, maxConnections: 4, reconnectMs: 60_000 })
  const runs = new PostgresRunRepository(database)
  const queue = await openQueue(options.address, { name: options.queueName })
  const images = new FakeImages()
  const seen = new Set<string>()
  images.onDownload = async photo => {
    await pause(downloadMs)
    if (photo.id.endsWith('-poison')) images.colour(photo.id, POISON)
    if (photo.id.endsWith('-gone')) images.fails(photo.id, 'HTTP_404')
    if (photo.id.endsWith('-flaky') && !seen.has(photo.id)) images.fails(photo.id, 'HTTP_503')
    seen.add(photo.id)
  }
  // Before it works: what it is handed may end it.
  process.stdout.write('working\n')
  await startWorker(
    {
      repository: new PostgresIngestRepository(database),
      runs,
      places: NO_PLACES,
      reports: runs,
      labels: new FakeLabels(),
      labelSets: new Map(),
      models: oneModel(new FragileEncoder()),
      queue,
      imagePipeline: images,
      probes: {
        database: () => database.query('select 1'),
        queue: () => queue.check(),
        network: async () => {},
        store: async () => {},
      },
      logger: pino({ level: process.env.LOG_LEVEL ?? 'silent' }, process.stderr),
    },
    {
      model: 'test@fp32',
      concurrency: 2,
      lockMs: options.lockMs,
      maxAttempts: 20,
      retryBaseMs: 50,
      downloadConcurrency: 4,
      decodeConcurrency: 2,
    },
  )
  process.stdout.write('started\n')
}
