import { availableParallelism } from 'node:os'
import type { LabelSet } from '../../domain/labels.js'
import { modelKey } from '../../domain/model.js'
import { type FileRewrites, summariseRewrites } from '../../domain/rewrite.js'
import { formatCount, formatQuantity } from '../../domain/text/format.js'
import type { WorkerObserver } from '../../metrics/worker-observer.js'
import { siblings } from '../../workers/supervisor/messages.js'
import { startWorker } from '../../workers/worker.js'
import type { Context } from '../context.js'
import { SOME_FAILED } from '../exit-codes.js'
import { openEncoderOf } from '../models/model-files.js'
import { listLabelSetNames, readLabelSet } from '../options/label-files.js'
import { Progress } from '../print/progress.js'
import { observeWorker } from './observe-worker.js'

interface Options {
  untilIdle: boolean
}

/** The `worker` command with one process. Works until it is stopped or, with `untilIdle`, idle. @returns exit code */
export async function workInThisProcess(context: Context, options: Options): Promise<number> {
  const observer = await observeWorker(context)
  try {
    return await run(context, observer, options)
  } finally {
    await observer.close()
  }
}

async function run(context: Context, observer: WorkerObserver, options: Options): Promise<number> {
  const { app, out, signal } = context
  const { config } = app
  const names = listLabelSetNames(app.labelFolders)
  const labelSets = new Map<string, LabelSet>(names.map(name => [name, readLabelSet(name, app.labelFolders)]))
  const model = modelKey(app.models.spec)
  // First of all, because what is missing on this machine will not come.
  const provider = await app.models.executionProvider()
  const { ingest, runs, places, labels } = await app.repositories()
  await app.database.keepAlive()
  const store = await app.store()
  const queue = await app.servingQueue()
  const imagePipeline = await app.imagePipeline(store)
  const opened = new Map<string, readonly FileRewrites[]>()
  const worker = await startWorker(
    observer.observing({
      repository: ingest,
      runs,
      places,
      reports: await app.database.reports(),
      prompts: await app.database.promptRequests(),
      labels,
      labelSets,
      models: {
        identify: key => app.models.identify(key),
        open: async (key, signal) => {
          const encoder = await openEncoderOf(context, key, signal)
          opened.set(key, encoder.rewrites ?? [])
          observer.opened(key, encoder.rewrites ?? [])
          return encoder
        },
      },
      queue,
      imagePipeline,
      probes: {
        database: () => app.database.assertWritable(),
        queue: () => queue.check(),
        store: () => store.check(),
        network: () => imagePipeline.checkNetwork(),
      },
      logger: await app.logger(),
    }),
    {
      model,
      concurrency: config.WORKER_CONCURRENCY,
      lockMs: config.QUEUE_LOCK_MS,
      maxAttempts: config.MAX_ATTEMPTS,
      retryBaseMs: config.RETRY_BASE_MS,
      downloadConcurrency: config.DOWNLOAD_CONCURRENCY,
      // All processes together decode one photo a core; each by itself would take turns with the models of the others.
      decodeConcurrency: Math.max(1, Math.floor(availableParallelism() / siblings())),
      untilIdle: options.untilIdle,
      signal,
    },
  )
  await observer.follow(worker)
  ;(await app.logger()).info(
    {
      provider,
      threads: config.THREADS || availableParallelism(),
      rewrites: summariseRewrites(opened.get(model) ?? []),
    },
    'the encoder computes here',
  )
  const progress = new Progress(`worker ${model}`)
  const timer = setInterval(() => {
    const { embedded, failed } = worker.stats()
    progress.update({ total: null, done: embedded, failed })
  }, 1000)
  const onAbort = () => void worker.close()
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  try {
    await worker.done
  } finally {
    clearInterval(timer)
    progress.end()
    await worker.close()
  }
  const stats = worker.stats()
  out.result(
    { ...stats },
    `Worker ended: ${formatQuantity(stats.embedded, 'photo')} embedded, ${formatCount(stats.failed)} failed, ${formatCount(stats.retried)} returned for another try.`,
  )
  return options.untilIdle && stats.failed > 0 ? SOME_FAILED : 0
}
