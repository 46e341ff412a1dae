import { setTimeout as pause } from 'node:timers/promises'
import { pino } from 'pino'
import { openDatabase } from '../../../src/db/connection.js'
import { PostgresIngestRepository } from '../../../src/db/ingest-repository.js'
import { startWorker } from '../../../src/workers/worker.js'
import { type Address, openQueue } from '../../queue/backends.js'
import { FakeEncoder, FakeImages, FakeLabels } from './fakes.js'

export interface WorkerProcessOptions {
  address: Address
  databaseUrl: string
  queueName: string
  lockMs: number
}

/** What becomes of a photo, by its id: `…-gone` is a 404, `…-flaky` fails when a process asks for the first time. */
export async function workForever(options: WorkerProcessOptions): Promise<void> {
  const database = await openDatabase({ url: options.databaseUrl, maxConnections: 4, reconnectMs: 60_000 })
  const images = new FakeImages()
  const seen = new Set<string>()
  images.onDownload = async photo => {
    await pause(100) // a slow network, so that kills find work under way
    if (photo.id.endsWith('-gone')) images.fails(photo.id, 'HTTP_404')
    if (photo.id.endsWith('-flaky') && !seen.has(photo.id)) images.fails(photo.id, 'HTTP_503')
    seen.add(photo.id)
  }
  await startWorker(
    {
      repository: new PostgresIngestRepository(database),
      labels: new FakeLabels(),
      labelSets: new Map(),
      encoder: new FakeEncoder(),
      queue: await openQueue(options.address, { name: options.queueName }),
      imagePipeline: images,
      logger: pino({ level: process.env.LOG_LEVEL ?? 'silent' }, process.stderr),
    },
    {
      concurrency: 2,
      lockMs: options.lockMs,
      maxAttempts: 20,
      retryBaseMs: 50,
      downloadConcurrency: 4,
      decodeConcurrency: 2,
    },
  )
  process.stdout.write('working\n')
}
