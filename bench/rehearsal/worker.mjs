// A worker process of the rehearsal: the worker of the program with the stand-ins. Settings come from the environment; it ends
// with its stdin, so also when the benchmark is killed.
import { compose } from '../../dist/compose/app.js'
import { readConfig } from '../../dist/config.js'
import { modelKey } from '../../dist/domain/model.js'
import { startWorker } from '../../dist/workers/worker.js'
import { MODEL, standInEncoder, standInPipeline } from './stand-in.mjs'

const app = compose(readConfig(process.env))
const { config } = app
const { ingest, runs, places, labels } = await app.repositories()
await app.database.keepAlive()
const store = await app.store()
const queue = await app.servingQueue()
const encoder = standInEncoder(Number(process.env.SEED))
const pipeline = await app.imagePipeline(store)
const worker = await startWorker(
  {
    repository: ingest,
    runs,
    places,
    reports: await app.database.reports(),
    labels,
    labelSets: new Map(),
    models: { identify: async () => MODEL, open: async () => encoder },
    queue,
    imagePipeline: standInPipeline(pipeline),
    probes: {
      database: () => app.database.assertWritable(),
      queue: () => queue.check(),
      store: () => store.check(),
      network: () => pipeline.checkNetwork(),
    },
    logger: await app.logger(),
  },
  {
    model: modelKey(MODEL),
    concurrency: config.WORKER_CONCURRENCY,
    lockMs: config.QUEUE_LOCK_MS,
    maxAttempts: config.MAX_ATTEMPTS,
    retryBaseMs: config.RETRY_BASE_MS,
    downloadConcurrency: config.DOWNLOAD_CONCURRENCY,
    decodeConcurrency: 1,
  },
)
process.stdin.on('end', () => void worker.close()).resume()
process.once('SIGTERM', () => void worker.close())
await worker.done
await app.close()
process.exit()
