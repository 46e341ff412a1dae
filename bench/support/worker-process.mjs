// A worker process of the benchmarks: all of it real but, with MS_PER_PHOTO, the encoder, which only sleeps. Settings come
// from the environment. It works until SIGTERM; its last line on stdout says what it did.
import { createHash } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { compose } from '../../dist/src/compose.js'
import { readConfig } from '../../dist/src/config.js'
import { clipInput } from '../../dist/src/domain/image-input.js'
import { modelKey } from '../../dist/src/domain/model.js'
import { normalise } from '../../dist/src/domain/similarity.js'
import { startWorker } from '../../dist/src/workers/worker.js'
import { SLEEPING_MODEL } from './workers.mjs'

/** One call after the other, as a real one; equal images give equal vectors. */
class SleepingEncoder {
  model = SLEEPING_MODEL
  input = clipInput(224)
  #tail = Promise.resolve()

  constructor(msPerPhoto) {
    this.msPerPhoto = msPerPhoto
  }

  encodeImages(images) {
    const encoded = this.#tail.then(async () => {
      await pause(images.length * this.msPerPhoto)
      return images.map(image => {
        const digest = createHash('sha256').update(image).digest()
        return normalise(Array.from({ length: this.model.dimension }, (_, i) => digest[i % 32] - 127.5 + i / 1000))
      })
    })
    this.#tail = encoded.catch(() => {})
    return encoded
  }

  async encodeTexts(texts) {
    return texts.map((_, i) => normalise(Array.from({ length: this.model.dimension }, (_, d) => Math.sin(d + i + 1))))
  }

  async close() {}
}

const msPerPhoto = process.env.MS_PER_PHOTO ? Number(process.env.MS_PER_PHOTO) : null
const app = compose(readConfig(process.env))
const { ingest, runs, labels } = await app.repositories()
await app.keepDatabaseAlive()
const store = await app.store()
const queue = await app.queue()
const sleeping = new SleepingEncoder(msPerPhoto)
const models =
  msPerPhoto === null
    ? { identify: key => app.identify(key), open: (key, signal) => app.openEncoder(key, 'both', signal) }
    : { identify: async () => sleeping.model, open: async () => sleeping }
/** When the rows of a batch had been written, in ms. */
const written = []
const { config } = app
const worker = await startWorker(
  {
    repository: ingest,
    runs,
    reports: await app.reports(),
    labels,
    labelSets: new Map(),
    models,
    queue,
    imagePipeline: await app.imagePipeline(store),
    probes: { database: () => app.pingDatabase(), queue: () => queue.counts(), store: () => store.check() },
    logger: await app.logger(),
    onStage: stage => stage === 'write' && written.push(performance.timeOrigin + performance.now()),
  },
  {
    model: msPerPhoto === null ? modelKey(app.modelSpec) : modelKey(SLEEPING_MODEL),
    concurrency: config.WORKER_CONCURRENCY,
    lockMs: config.QUEUE_LOCK_MS,
    maxAttempts: config.MAX_ATTEMPTS,
    retryBaseMs: config.RETRY_BASE_MS,
    downloadConcurrency: config.DOWNLOAD_CONCURRENCY,
    decodeConcurrency: 2,
  },
)
process.once('SIGTERM', () => void worker.close())
console.log('working')
await worker.done
await app.close()
const cpuSeconds = Object.values(process.cpuUsage()).reduce((a, b) => a + b) / 1e6
console.log(JSON.stringify({ written, cpuSeconds, stats: worker.stats() }))
