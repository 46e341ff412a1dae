// A worker process of the benchmarks. Everything is real, except with MS_PER_PHOTO the encoder, which only sleeps. Settings
// come from the environment. It works until SIGTERM; its last line on stdout is its result.
import { createHash } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { compose } from '../../dist/compose/app.js'
import { readConfig } from '../../dist/config.js'
import { clipInput } from '../../dist/domain/image-input.js'
import { modelKey } from '../../dist/domain/model.js'
import { normalise } from '../../dist/domain/similarity.js'
import { startWorker } from '../../dist/workers/worker.js'
import { SLEEPING_MODEL } from './workers.mjs'

/** Makes one call at a time, like a real encoder; equal images give equal vectors. */
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
await app.database.keepAlive()
const store = await app.store()
const queue = await app.queue()
const sleeping = new SleepingEncoder(msPerPhoto)
const models =
  msPerPhoto === null
    ? { identify: key => app.models.identify(key), open: (key, signal) => app.models.openEncoder(key, 'both', signal) }
    : { identify: async () => sleeping.model, open: async () => sleeping }
/** Moments at which the rows of a batch were committed, in ms. */
const written = []
const { config } = app
const worker = await startWorker(
  {
    repository: ingest,
    runs,
    reports: await app.database.reports(),
    labels,
    labelSets: new Map(),
    models,
    queue,
    imagePipeline: await app.imagePipeline(store),
    probes: { database: () => app.database.ping(), queue: () => queue.counts(), store: () => store.check() },
    logger: await app.logger(),
    onStage: stage => stage === 'write' && written.push(performance.timeOrigin + performance.now()),
  },
  {
    model: msPerPhoto === null ? modelKey(app.models.spec) : modelKey(SLEEPING_MODEL),
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
