import { availableParallelism } from 'node:os'
import type { LabelSet } from '../domain/labels.js'
import { modelKey } from '../domain/model.js'
import { startWorker } from '../workers/worker.js'
import type { Context } from './context.js'
import { listLabelSetNames, readLabelSet } from './label-files.js'
import { openEncoderOf } from './model-files.js'
import { observeWorker, type WorkerObserver } from './observe-worker.js'
import { formatCount } from './output.js'
import { Progress } from './progress.js'
import { siblings } from './supervisor/messages.js'

interface Options {
  untilIdle: boolean
}

/** The `worker` command: works on the queue until it is stopped, or idle with `untilIdle`. */
export async function runWorker(context: Context, options: Options): Promise<number> {
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
  const model = modelKey(app.modelSpec)
  // First of all, because what is missing on this machine will not come.
  const provider = await app.executionProvider()
  const { ingest, runs, labels } = await app.repositories()
  await app.keepDatabaseAlive()
  const store = await app.store()
  const queue = await app.queue()
  const worker = await startWorker(
    observer.observing({
      repository: ingest,
      runs,
      reports: await app.reports(),
      prompts: await app.promptRequests(),
      labels,
      labelSets,
      models: {
        identify: key => app.identify(key),
        open: (key, signal) => openEncoderOf(context, key, signal),
      },
      queue,
      imagePipeline: await app.imagePipeline(store),
      probes: {
        database: () => app.pingDatabase(),
        queue: () => queue.counts(),
        store: () => store.check(),
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
    { provider, threads: config.THREADS || availableParallelism() },
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
    `Worker ended: ${formatCount(stats.embedded)} photos embedded, ${formatCount(stats.failed)} failed, ${formatCount(stats.retried)} handed on to be tried again.`,
  )
  return 0
}
